package linear

import (
	"strings"
	"testing"

	"canton.example/svrescue/steps/wire"
)

func TestParseFile(t *testing.T) {
	for name, c := range map[string]struct{ text, wrong string }{
		"empty":             {"", ""},
		"all":               {"confirm: yes\nword: a/b\nanswers:\n  x.set: 1795319733\n  x.confirm: yes\n  x.remedy: {choice: skip, text: why}\n", ""},
		"unknown key":       {"confirmed: yes\n", `unknown key "confirmed"`},
		"unknown in answer": {"answers: {x.set: {chosen: a}}\n", `unknown key "chosen"`},
		"twice":             {"confirm: yes\nconfirm: no\n", "already set"},
		"no yaml":           {"confirm: [\n", "not an answers file"},
		"wrong type":        {"confirm: perhaps\n", "not an answers file"},
		"list for answers":  {"answers: [a]\n", "not an answers file"},
	} {
		f, err := ParseFile([]byte(c.text))
		switch {
		case c.wrong == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s: error %v, want %q", name, err, c.wrong)
		case name == "all" && (f.Answers["x.set"].Choice != "1795319733" || f.Answers["x.confirm"].Choice != "yes" || f.Answers["x.remedy"] != Chosen{"skip", "why"}):
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestFileAnswers(t *testing.T) {
	choice := wire.Question{Name: "s.set", Kind: wire.AskChoice, Default: "b", Choices: []wire.Choice{{ID: "a"}, {ID: "b"}}}
	yes := []wire.Choice{{ID: wire.ChoiceYes}, {ID: wire.ChoicePark}}
	for name, c := range map[string]struct {
		file string
		q    wire.Question
		want wire.Answer
		none bool
	}{
		"nothing":                 {"", choice, wire.Answer{}, true},
		"default":                 {"answers: {s.set: default}", choice, wire.Answer{Choice: "b"}, false},
		"newest":                  {"answers: {s.set: newest}", choice, wire.Answer{Choice: "b"}, false},
		"a choice":                {"answers: {s.set: a}", choice, wire.Answer{Choice: "a"}, false},
		"the only choice":         {"", wire.Question{Kind: wire.AskChoice, Choices: []wire.Choice{{ID: "a"}}}, wire.Answer{Choice: "a"}, false},
		"the only one, refused":   {"", wire.Question{Kind: wire.AskChoice, Choices: []wire.Choice{{ID: "a", Refuse: "no"}}}, wire.Answer{}, true},
		"the only one, changes":   {"", wire.Question{Kind: wire.AskChoice, Choices: []wire.Choice{{ID: "a", Effect: wire.Once}}}, wire.Answer{}, true},
		"confirm":                 {"confirm: yes", wire.Question{Kind: wire.AskConfirm, Choices: yes}, wire.Answer{Choice: "yes"}, false},
		"confirm destroys not":    {"confirm: yes", wire.Question{Kind: wire.AskWord, Word: "a/b", Choices: yes}, wire.Answer{}, true},
		"word":                    {"word: a/b", wire.Question{Kind: wire.AskWord, Word: "a/b", Choices: yes}, wire.Answer{Choice: "yes", Text: "a/b"}, false},
		"word confirms not":       {"word: a/b", wire.Question{Kind: wire.AskConfirm, Choices: yes}, wire.Answer{}, true},
		"yes takes the word":      {"word: a/b\nanswers: {s.confirm: yes}", wire.Question{Name: "s.confirm", Kind: wire.AskWord, Choices: yes}, wire.Answer{Choice: "yes", Text: "a/b"}, false},
		"a text":                  {"answers: {s.url: https://x}", wire.Question{Name: "s.url", Kind: wire.AskText}, wire.Answer{Text: "https://x"}, false},
		"a remedy is not guessed": {"confirm: yes", wire.Question{Kind: wire.AskRemedy, Choices: yes}, wire.Answer{}, true},
		"refused before a change": {"", wire.Question{Kind: wire.AskRemedy, Default: wire.ChoiceAbort}, wire.Answer{Choice: wire.ChoiceAbort}, false},
	} {
		f, err := ParseFile([]byte(c.file))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, ok := f.Answer(t.Context(), wire.View{}, c.q)
		if ok == c.none || got != c.want {
			t.Errorf("%s: %+v %v, want %+v", name, got, ok, c.want)
		}
	}
}

// The same answer is not given for ever.
func TestFileTires(t *testing.T) {
	f, err := ParseFile([]byte("answers: {s.remedy: retry}"))
	if err != nil {
		t.Fatal(err)
	}
	q := wire.Question{Name: "s.remedy", Kind: wire.AskRemedy}
	for n := 1; n <= maxRepeats+1; n++ {
		if _, ok := f.Answer(t.Context(), wire.View{}, q); ok != (n <= maxRepeats) {
			t.Errorf("time %d: %v", n, ok)
		}
	}
}

// FuzzParseFile: no text makes it panic, an error is one line, and a file that was read confirms only if it says so.
func FuzzParseFile(f *testing.F) {
	for _, seed := range []string{"confirm: yes", "word: a/b", "answers: {x: {choice: a, text: b}}", "answers: {x: 1}", "answers: {x: null}", "{", "- a", "\x00", "confirm: &a yes\nword: *a"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := ParseFile(data)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("an error of several lines: %q", err)
			}
			return
		}
		a, ok := file.Answer(t.Context(), wire.View{}, wire.Question{Name: "x", Kind: wire.AskWord, Word: "mainnet/Acme-SV", Choices: []wire.Choice{{ID: wire.ChoiceYes}}})
		if ok && a.Choice == wire.ChoiceYes && a.Text == "mainnet/Acme-SV" && !strings.Contains(string(data), "Acme") {
			t.Errorf("%q confirms what it does not name", data)
		}
	})
}
