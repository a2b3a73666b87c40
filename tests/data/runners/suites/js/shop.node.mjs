import { test, describe, it } from 'node:test';
import assert from 'node:assert';
describe('cart', () => {
  it('adds', () => { console.log('ok 9 - pretend'); assert.equal(1, 1); });
  it('rounds', () => { assert.equal(1, 2, 'is one'); });
  it.skip('taxes');
  it.todo('discounts');
});
test('top # level', async (t) => { await t.test('sub', () => {}); await t.test('sub 2', () => { throw new TypeError('boom') }); });
test('skip me', { skip: 'no rate' }, () => {});
