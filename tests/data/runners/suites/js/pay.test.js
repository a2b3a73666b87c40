test('pays', () => {});
test('waits', () => new Promise(r => setTimeout(r, 30)));
