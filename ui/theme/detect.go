package theme

import (
	"strings"

	"github.com/muesli/termenv"
)

// Abilities are what a terminal can show, as far as its environment tells. The terminal itself is never asked: over a
// slow or mute line the answer may not come.
type Abilities struct {
	Profile   termenv.Profile // Ascii: no colour and no attributes at all
	ASCII     bool            // draw with 7-bit characters only
	Plain     bool            // cursor movement cannot be relied on: use the linear form instead
	Multiplex string          // "tmux", "screen" or empty: how clipboard text must be wrapped
}

// Detect reads the abilities from the environment alone. noColor is what the operator passed with --no-color.
func Detect(env func(string) string, noColor bool) Abilities {
	term := strings.ToLower(env("TERM"))
	a := Abilities{Profile: profile(env, term), ASCII: !utf8Locale(env), Multiplex: multiplexer(env, term)}
	switch term {
	case "", "dumb", "unknown", "cons25", "emacs":
		a.Plain, a.ASCII, a.Profile = true, true, termenv.Ascii
	case "linux", "vt100", "vt102", "vt220", "ansi":
		// The kernel's console and old emulators lack the glyphs even where the locale promises them.
		a.ASCII = true
	}
	if noColor || env("NO_COLOR") != "" {
		a.Profile = termenv.Ascii
	}
	return a
}

func profile(env func(string) string, term string) termenv.Profile {
	switch strings.ToLower(env("COLORTERM")) {
	case "truecolor", "24bit":
		if !strings.HasPrefix(term, "screen") {
			return termenv.TrueColor
		}
		return termenv.ANSI256
	}
	switch {
	case strings.HasSuffix(term, "-direct"), term == "xterm-kitty", term == "alacritty", term == "wezterm",
		term == "xterm-ghostty", term == "foot":
		return termenv.TrueColor
	case strings.Contains(term, "256color"), strings.HasPrefix(term, "tmux"):
		return termenv.ANSI256
	case strings.HasPrefix(term, "vt1"), strings.HasPrefix(term, "vt2"):
		return termenv.Ascii
	}
	return termenv.ANSI
}

// utf8Locale follows the order of setlocale: the first variable that is set decides.
func utf8Locale(env func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := env(name); value != "" {
			value = strings.ToLower(strings.ReplaceAll(value, "-", ""))
			return strings.Contains(value, "utf8")
		}
	}
	return false
}

func multiplexer(env func(string) string, term string) string {
	switch {
	case env("TMUX") != "":
		return "tmux"
	case env("STY") != "", strings.HasPrefix(term, "screen"):
		return "screen"
	}
	return ""
}
