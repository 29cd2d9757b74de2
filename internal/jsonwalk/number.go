package jsonwalk

import "errors"

// number passes one. It ends at the first byte that cannot be part of it, or with the text.
func (r *Reader) number() error {
	state := numberStart
	for {
		for r.at < r.end {
			to := numbers[state].after(r.buf[r.at])
			if to == numberOver {
				return nil
			}
			if to == numberBad {
				return r.bad("a number has no digits where some must be")
			}
			state = to
			r.at++
		}
		err := r.more()
		if e := (*Error)(nil); errors.As(err, &e) && e.Cut && numbers[state].whole {
			r.failed = nil // a number ends with the text, too
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// place is where one is in a number: what may follow, and whether it may end here. An absent one may not follow.
type place struct {
	whole                              bool
	minus, zero, digit, dot, exp, sign step
}

type step = int8

const (
	numberBad step = iota
	numberOver
	numberStart
	numberMinus
	numberZero
	numberInteger
	numberDot
	numberFraction
	numberExp
	numberSign
	numberExponent
)

var numbers = [...]place{
	numberStart:    {minus: numberMinus, zero: numberZero, digit: numberInteger},
	numberMinus:    {zero: numberZero, digit: numberInteger},
	numberZero:     {whole: true, dot: numberDot, exp: numberExp},
	numberInteger:  {whole: true, zero: numberInteger, digit: numberInteger, dot: numberDot, exp: numberExp},
	numberDot:      {zero: numberFraction, digit: numberFraction},
	numberFraction: {whole: true, zero: numberFraction, digit: numberFraction, exp: numberExp},
	numberExp:      {zero: numberExponent, digit: numberExponent, sign: numberSign},
	numberSign:     {zero: numberExponent, digit: numberExponent},
	numberExponent: {whole: true, zero: numberExponent, digit: numberExponent},
}

func (p *place) after(c byte) step {
	to := numberBad
	switch {
	case c == '0':
		to = p.zero
	case c >= '1' && c <= '9':
		to = p.digit
	case c == '.':
		to = p.dot
	case c == 'e' || c == 'E':
		to = p.exp
	case c == '-':
		to = max(p.minus, p.sign)
	case c == '+':
		to = p.sign
	}
	if to == numberBad && p.whole {
		return numberOver
	}
	return to
}
