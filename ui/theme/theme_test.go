package theme

import (
	"strings"
	"testing"
	"unicode"

	"github.com/muesli/termenv"
)

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		name    string
		env     map[string]string
		noColor bool
		want    Abilities
	}{
		{"nothing is known", nil, false, Abilities{Profile: termenv.Ascii, ASCII: true, Plain: true}},
		{"dumb", map[string]string{"TERM": "dumb", "LANG": "en_US.UTF-8"}, false, Abilities{Profile: termenv.Ascii, ASCII: true, Plain: true}},
		{"xterm", map[string]string{"TERM": "xterm", "LANG": "en_US.UTF-8"}, false, Abilities{Profile: termenv.ANSI}},
		{"256 colours", map[string]string{"TERM": "xterm-256color", "LANG": "C.utf8"}, false, Abilities{Profile: termenv.ANSI256}},
		{"true colour", map[string]string{"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}, false, Abilities{Profile: termenv.TrueColor}},
		{"screen lies about true colour", map[string]string{"TERM": "screen-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "STY": "1.pts"}, false,
			Abilities{Profile: termenv.ANSI256, Multiplex: "screen"}},
		{"tmux", map[string]string{"TERM": "tmux-256color", "TMUX": "/tmp/x,1,0", "LANG": "C.UTF-8"}, false, Abilities{Profile: termenv.ANSI256, Multiplex: "tmux"}},
		{"no UTF-8", map[string]string{"TERM": "xterm-256color", "LANG": "C"}, false, Abilities{Profile: termenv.ANSI256, ASCII: true}},
		{"LC_ALL decides", map[string]string{"TERM": "xterm", "LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, false, Abilities{Profile: termenv.ANSI, ASCII: true}},
		{"kernel console", map[string]string{"TERM": "linux", "LANG": "en_US.UTF-8"}, false, Abilities{Profile: termenv.ANSI, ASCII: true}},
		{"vt100", map[string]string{"TERM": "vt100", "LANG": "en_US.UTF-8"}, false, Abilities{Profile: termenv.Ascii, ASCII: true}},
		{"NO_COLOR", map[string]string{"TERM": "xterm-256color", "LANG": "C.UTF-8", "NO_COLOR": "1"}, false, Abilities{Profile: termenv.Ascii}},
		{"empty NO_COLOR", map[string]string{"TERM": "xterm", "LANG": "C.UTF-8", "NO_COLOR": ""}, false, Abilities{Profile: termenv.ANSI}},
		{"--no-color", map[string]string{"TERM": "xterm-256color", "LANG": "C.UTF-8"}, true, Abilities{Profile: termenv.Ascii}},
	} {
		if got := Detect(func(k string) string { return c.env[k] }, c.noColor); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestClean(t *testing.T) {
	utf8, ascii := New(Abilities{}), New(Abilities{ASCII: true})
	for in, want := range map[string]string{
		"plain":                         "plain",
		"\x1b[31mred\x1b[0m":            "red",
		"\x1b]0;title\x07after":         "after",
		"\x1b]52;c;ZXZpbA==\x1b\\after": "after",
		"a\r\nb\tc":                     "a  b c",
		"bell\x07 back\x08":             "bell back",
		"safe\u202eevil\u200b\ufeff":    "safeevil",
		"broken \xff":                   "broken ?",
		"ok → fine":                     "ok → fine",
	} {
		if got := utf8.Clean(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := ascii.Clean("done → “now” … ü"); got != `done > "now" . ?` {
		t.Errorf("ASCII: %q", got)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "pg-data-participant-pg-0-1767232800", "日本語のテキスト", "a\x1b[31mb", "👩‍👩‍👧 family", "\x9b2J", "e\u0301"} {
		f.Add(s, 7)
	}
	t8 := New(Abilities{Profile: termenv.ANSI256})
	f.Fuzz(func(t *testing.T, s string, w int) {
		w = 1 + (w%60+60)%60
		clean := t8.Clean(s)
		for _, c := range clean {
			if unicode.IsControl(c) {
				t.Fatalf("%q holds %U", clean, c)
			}
		}
		for _, got := range append(t8.Wrap(s, max(w, 2)), t8.Clip(clean, w), t8.Pad(clean, w), t8.ClipLeft(clean, w), t8.Line(clean, "x", w)) {
			if Width(got) > max(w, 2) {
				t.Fatalf("%q takes %d cells of %d", got, Width(got), w)
			}
		}
		if n := Width(t8.Pad(clean, w)); n != w {
			t.Fatalf("padded to %d of %d", n, w)
		}
	})
}

func TestWrapDoesNotBreakNames(t *testing.T) {
	th := New(Abilities{})
	got := strings.Join(th.Wrap("the claim pg-data-participant-pg-0 is bound", 26), "|")
	if got != "the claim|pg-data-participant-pg-0|is bound" {
		t.Error(got)
	}
}

func TestABarIsFullOnlyWhenAllIsDone(t *testing.T) {
	th := New(Abilities{ASCII: true})
	for done, want := range map[int64]string{0: "..........", 999: "#########.", 1000: "##########", 2000: "##########"} {
		if got := th.Bar(done, 1000, 10); got != want {
			t.Errorf("%d: %s", done, got)
		}
	}
}

func TestClipboardIsWrappedForMultiplexers(t *testing.T) {
	for mux, want := range map[string]string{"": "\x1b]52;c;aGk=\x07", "tmux": "\x1bPtmux;", "screen": "\x1bP\x1b]52"} {
		if got := New(Abilities{Multiplex: mux}).Clipboard("hi"); !strings.Contains(got, want) {
			t.Errorf("%q: %q", mux, got)
		}
	}
}
