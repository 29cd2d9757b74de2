package jsonwalk

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// text passes a string.
func (r *Reader) text() error {
	r.at++
	for {
		if r.at == r.end {
			if err := r.more(); err != nil {
				return err
			}
		}
		r.at += plainPart(r.buf[r.at:r.end])
		if r.at == r.end {
			continue
		}
		switch c := r.buf[r.at]; {
		case c == '"':
			r.at++
			return nil
		case c == '\\':
			if err := r.escape(); err != nil {
				return err
			}
		case c < ' ':
			return r.bad("a control character stands in a string")
		default:
			if err := r.rune(); err != nil {
				return err
			}
		}
	}
}

// plainPart is how many bytes from the start are letters of a string that mean themselves, in ASCII.
func plainPart(b []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; len(b)-n >= 8; n += 8 {
		w := binary.LittleEndian.Uint64(b[n:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		// A top bit stands where a byte is not below 0x80, is below a blank, is a quote or is a backslash. A borrow can only set bits above
		// the first such byte, and only the first counts.
		special := w | (w-ones*' ')&^w | (quote-ones)&^quote | (slash-ones)&^slash
		if special &= tops; special != 0 {
			return n + bits.TrailingZeros64(special)/8
		}
	}
	for ; n < len(b); n++ {
		if c := b[n]; c >= utf8.RuneSelf || c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return n
}

func (r *Reader) escape() error {
	r.at++
	c, err := r.next()
	if err != nil {
		return err
	}
	r.at++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
		for range 4 {
			h, err := r.next()
			if err != nil {
				return err
			}
			if !(h >= '0' && h <= '9' || h >= 'a' && h <= 'f' || h >= 'A' && h <= 'F') {
				return r.bad("an escape in a string is none")
			}
			r.at++
		}
		return nil
	}
	r.at--
	return r.bad("an escape in a string is none")
}

// rune passes a letter of several bytes, which may lie across the end of the window.
func (r *Reader) rune() error {
	if utf8.FullRune(r.buf[r.at:r.end]) {
		c, size := utf8.DecodeRune(r.buf[r.at:r.end])
		if c == utf8.RuneError && size == 1 {
			return r.bad("a string is not UTF-8")
		}
		r.at += size
		return nil
	}
	var letter [utf8.UTFMax]byte
	for n := 0; n < len(letter); {
		c, err := r.next()
		if err != nil {
			return err
		}
		letter[n] = c
		n++
		if utf8.FullRune(letter[:n]) {
			if c, size := utf8.DecodeRune(letter[:n]); c == utf8.RuneError && size == 1 || size != n {
				return r.bad("a string is not UTF-8")
			}
			r.at++
			return nil
		}
		r.at++
	}
	return r.bad("a string is not UTF-8")
}

func (r *Reader) literal() error {
	word := ""
	switch r.buf[r.at] {
	case 't':
		word = "true"
	case 'f':
		word = "false"
	case 'n':
		word = "null"
	default:
		return r.bad("no value begins like this")
	}
	for i := range len(word) {
		c, err := r.next()
		if err != nil {
			return err
		}
		if c != word[i] {
			return r.bad("a word is neither true, false nor null")
		}
		r.at++
	}
	return nil
}
