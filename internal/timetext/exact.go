package timetext

import (
	"math"
	"math/big"
)

// Python's math.exp and ** are the C library's, which are right to the last bit
// but for one in a hundred results or fewer; Go's are a bit off more often, and
// the log tells a ban's length to the last digit.

const (
	exactBits = 200 // precision of what is rounded to 53 bits in the end
	halvings  = 10  // of exp's argument, before its series
	terms     = 20  // of the series; 2^-halvings^terms is far below the precision
	// maxWhole bounds the exponents of whole powers that are multiplied out.
	maxWhole = 64
)

// ln2 is the natural logarithm of 2 (OEIS A002162).
const ln2 = "0.693147180559945309417232121458176568075500134360255254120680009493393621969694715605863326996418687"

func wide(x float64) *big.Float { return new(big.Float).SetPrec(exactBits).SetFloat64(x) }

// exp is e to the power of x.
func exp(x float64) float64 {
	if x == 0 || !(math.Abs(x) < 700) {
		return math.Exp(x)
	}
	twos := math.Round(x / math.Ln2)
	// The text is a number, so that there is no error.
	log2, _, _ := big.ParseFloat(ln2, 10, exactBits, big.ToNearestEven)
	r := wide(x)
	r.Sub(r, log2.Mul(log2, wide(twos)))
	r.SetMantExp(r, -halvings)
	sum, term := wide(1), wide(1)
	for n := 1; n <= terms; n++ {
		term.Mul(term, r).Quo(term, wide(float64(n)))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	v, _ := sum.SetMantExp(sum, int(twos)).Float64()
	return v
}

// pow is x to the power of y.
func pow(x, y float64) float64 {
	n := math.Abs(y)
	if n != math.Trunc(n) || n > maxWhole || x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return math.Pow(x, y)
	}
	// 64 factors of 53 bits are longer than the precision, whose error is small.
	product := new(big.Float).SetPrec(maxWhole * 53).SetInt64(1)
	for range int(n) {
		product.Mul(product, wide(x))
	}
	if y < 0 {
		product.Quo(wide(1), product)
	}
	v, _ := product.Float64()
	return v
}
