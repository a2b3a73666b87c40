describe('cart', () => {
  describe('total', () => {
    test('adds', () => { expect(1 + 1).toBe(2); });
    test('rounds', () => { console.log('  ✓ pretend (1 ms)'); expect(1.5).toBe(2); });
    test.skip('taxes', () => {});
    test.todo('discounts');
  });
});
test('top level', () => { throw new TypeError('boom\nsecond'); });
