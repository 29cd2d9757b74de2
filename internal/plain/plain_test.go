package plain

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "participant ready", "participant ready"},
		{"keeps line breaks", "a\nb", "a\nb"},
		{"carriage return", "50 %\r100 %", "50 %100 %"},
		{"colour", "\x1b[31mred\x1b[0m", "red"},
		{"window title", "a\x1b]0;evil\x07b", "ab"},
		{"title ended by ST", "a\x1b]0;evil\x1b\\b", "ab"},
		{"unfinished title stops at the line", "a\x1b]0;evil\nb", "a\nb"},
		{"C1 control", "a\u009b31mb", "a31mb"},
		{"right to left override", "a\u202eb", "ab"},
		{"tab", "a\tb", "a    b"},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
		{"escape at the end", "a\x1b", "a"},
		{"umlaut after escape", "\x1bäb", "äb"},
	} {
		if got := Clean(c.in); got != c.want {
			t.Errorf("%s: Clean(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestCut(t *testing.T) {
	if got := Cut("participant", 5); got != "part…" {
		t.Errorf("Cut = %q", got)
	}
	if got := Cut("ab", 5); got != "ab" {
		t.Errorf("Cut = %q", got)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("\x1b[31mred\x1b[0m")
	f.Add("\x1b]8;;http://x\x07")
	f.Fuzz(func(t *testing.T, in string) {
		out := Clean(in)
		if !utf8.ValidString(out) {
			t.Fatalf("Clean(%q) is not UTF-8", in)
		}
		if strings.ContainsAny(out, "\x1b\r\a\b\x7f") {
			t.Fatalf("Clean(%q) = %q keeps a control character", in, out)
		}
		if Clean(out) != out {
			t.Fatalf("Clean is not idempotent on %q", in)
		}
	})
}
