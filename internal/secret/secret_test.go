package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNoPrintedFormShowsTheValue(t *testing.T) {
	s := New("hunter2-invented")
	holder := struct{ Token String }{s}
	hidden := struct{ token String }{s} // fmt asks no method of it
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", s, "holder", holder)
	asJSON, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{
		s.String(), fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q %x %d", s, s, s, s, s, s, s),
		fmt.Sprintf("%v %+v %#v", holder, holder, holder), fmt.Sprintf("%v %+v %#v %v", hidden, hidden, &hidden, []any{hidden}), fmt.Sprint(fmt.Errorf("wrap: %v", s)), string(asJSON), log.String(),
	} {
		if strings.Contains(form, "hunter2") || strings.Contains(form, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("a printed form shows the secret: %s", form)
		}
	}
	if s.Reveal() != "hunter2-invented" {
		t.Error("Reveal lost the value")
	}
}
