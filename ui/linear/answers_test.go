package linear

import (
	"strings"
	"testing"

	"canton.example/svrescue/steps/wire"
	"github.com/google/go-cmp/cmp"
)

func TestParseFile(t *testing.T) {
	for name, c := range map[string]struct{ text, wrong string }{
		"empty":             {"", ""},
		"bound":             {"word: a/b\ntarget: u\nbackup: 1767232800\nanswers: {x.confirm: {choice: yes, target: v, backup: \"2\"}}\n", ""},
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
		case name == "all" && (f.Answers["x.set"].Choice != "1795319733" || f.Answers["x.confirm"].Choice != "yes" || f.Answers["x.remedy"] != Chosen{Choice: "skip", Text: "why"}):
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestFileAnswers(t *testing.T) {
	choice := wire.Question{Name: "s.set", Kind: wire.AskChoice, Default: "b", Choices: []wire.Choice{{ID: "a"}, {ID: "b"}}}
	yes := []wire.Choice{{ID: wire.ChoiceYes}, {ID: wire.ChoicePark}}
	destroys := wire.Question{Name: "s.confirm", Kind: wire.AskWord, Word: "a/b", Choices: yes}
	for name, c := range map[string]struct {
		file string
		q    wire.Question
		want wire.Answer
		none bool
	}{
		"named":                   {"word: a/b\ntarget: u\nbackup: 1767232800", destroys, wire.Answer{Choice: "yes", Text: "a/b", Bound: &wire.Bound{Target: "u", Backup: "1767232800"}}, false},
		"named in the answer":     {"word: a/b\ntarget: u\nanswers: {s.confirm: {choice: yes, target: v, backup: w}}", destroys, wire.Answer{Choice: "yes", Text: "a/b", Bound: &wire.Bound{Target: "v", Backup: "w"}}, false},
		"nothing":                 {"", choice, wire.Answer{}, true},
		"default":                 {"answers: {s.set: default}", choice, wire.Answer{Choice: "b"}, false},
		"newest":                  {"answers: {s.set: newest}", choice, wire.Answer{Choice: "b"}, false},
		"a choice":                {"answers: {s.set: a}", choice, wire.Answer{Choice: "a"}, false},
		"the only choice":         {"", wire.Question{Kind: wire.AskChoice, Choices: []wire.Choice{{ID: "a"}}}, wire.Answer{Choice: "a"}, false},
		"the only one, refused":   {"", wire.Question{Kind: wire.AskChoice, Choices: []wire.Choice{{ID: "a", Refuse: "no"}}}, wire.Answer{}, true},
		"the only one, changes":   {"", wire.Question{Kind: wire.AskChoice, Choices: []wire.Choice{{ID: "a", Effect: wire.Once}}}, wire.Answer{}, true},
		"confirm":                 {"confirm: yes", wire.Question{Kind: wire.AskConfirm, Choices: yes}, wire.Answer{Choice: "yes"}, false},
		"confirm destroys not":    {"confirm: yes", wire.Question{Kind: wire.AskWord, Word: "a/b", Choices: yes}, wire.Answer{}, true},
		"word":                    {"word: a/b", wire.Question{Kind: wire.AskWord, Word: "a/b", Choices: yes}, wire.Answer{Choice: "yes", Text: "a/b", Bound: &wire.Bound{}}, false},
		"word confirms not":       {"word: a/b", wire.Question{Kind: wire.AskConfirm, Choices: yes}, wire.Answer{}, true},
		"yes takes the word":      {"word: a/b\nanswers: {s.confirm: yes}", wire.Question{Name: "s.confirm", Kind: wire.AskWord, Choices: yes}, wire.Answer{Choice: "yes", Text: "a/b", Bound: &wire.Bound{}}, false},
		"a text":                  {"answers: {s.url: https://x}", wire.Question{Name: "s.url", Kind: wire.AskText}, wire.Answer{Text: "https://x"}, false},
		"a remedy is not guessed": {"confirm: yes", wire.Question{Kind: wire.AskRemedy, Choices: yes}, wire.Answer{}, true},
		"refused before a change": {"", wire.Question{Kind: wire.AskRemedy, Default: wire.ChoiceAbort}, wire.Answer{Choice: wire.ChoiceAbort}, false},
	} {
		f, err := ParseFile([]byte(c.file))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, ok := f.Answer(t.Context(), wire.View{}, c.q)
		if diff := cmp.Diff(c.want, got); ok == c.none || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", name, ok, diff)
		}
	}
}

// An answer that was written for one node and one backup destroys nothing of another; the word alone is enough in a rehearsal only.
func TestAnAnswerThatDestroysIsBound(t *testing.T) {
	q := wire.Question{ID: "q1", Name: "s.confirm", Kind: wire.AskWord, Word: "a/b", Hash: "h", Bound: &wire.Bound{Target: "u", Backup: "17"},
		Choices: []wire.Choice{{ID: wire.ChoiceYes, Effect: wire.Destroy}}}
	unnamed := wire.Question{Kind: wire.AskWord, Word: "a/b", Choices: q.Choices}
	if err := unnamed.Accepts(wire.Answer{Choice: wire.ChoiceYes, Text: "a/b", Bound: &wire.Bound{Target: "u", Backup: "17"}}); err == nil || !strings.Contains(err.Error(), "a person must answer") {
		t.Errorf("a question that names nothing: %v", err)
	}
	for name, c := range map[string]struct {
		file  string
		world wire.World
		wrong string
	}{
		"this one":              {"word: a/b\ntarget: u\nbackup: 17", wire.Real, ""},
		"another node":          {"word: a/b\ntarget: v\nbackup: 17", wire.Real, `for target "v" and backup "17", and this is target "u" and backup "17"`},
		"another backup":        {"word: a/b\ntarget: u\nbackup: 18", wire.Real, `backup "18"`},
		"the node alone":        {"word: a/b\ntarget: u", wire.Real, `backup ""`},
		"the backup alone":      {"word: a/b\nbackup: 17", wire.Real, `target ""`},
		"the word alone":        {"word: a/b", wire.Real, `must name target "u" and backup "17"`},
		"a rehearsal":           {"word: a/b", wire.Simulated, ""},
		"another, rehearsed":    {"word: a/b\ntarget: v\nbackup: 17", wire.Simulated, `for target "v"`},
		"another word, for all": {"word: a/c\ntarget: u\nbackup: 17", wire.Real, "type a/b exactly"},
	} {
		f, err := ParseFile([]byte(c.file))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		a, _ := f.Answer(t.Context(), wire.View{Run: wire.Run{World: c.world}}, q)
		a.Question, a.Hash = q.ID, q.Hash
		err = q.Accepts(a)
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %v, want %q", name, err, c.wrong)
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
