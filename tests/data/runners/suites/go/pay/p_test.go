package pay

import "testing"

func TestPaid(t *testing.T) {}
