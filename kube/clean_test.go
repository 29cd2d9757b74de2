package kube

import (
	"os/exec"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func FuzzClean(f *testing.F) {
	for _, s := range []string{"<html><title>502</title>", "a\x1b[2Jb", "pods \"p\" not found", "<TITLE", "\"<!DOCTYPE html>", "\xff\u202e"} {
		f.Add(s, 20)
	}
	f.Fuzz(func(t *testing.T, s string, max int) {
		max = 1 + (max&0x7fffffff)%500
		got := clean(s, max)
		if utf8.RuneCountInString(got) > max || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Fatalf("clean(%q, %d) = %q", s, max, got)
		}
	})
}

// What quote makes is read back by a shell as the one word it was.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "sv-app", "it's", "a b", "$(reboot)", "`x`", "a\nb", "-n", "=cmd", "~", "*", "\\", "\"", "!", "#x", "a=b;c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, 0) || !utf8.ValidString(s) {
			return
		}
		out, err := exec.Command("sh", "-c", "set -- "+quote(s)+"; printf '%s|%s|' $# \"$1\"").Output()
		if err != nil || string(out) != "1|"+s+"|" {
			t.Fatalf("quote(%q) = %s is read as %q, %v", s, quote(s), out, err)
		}
	})
}
