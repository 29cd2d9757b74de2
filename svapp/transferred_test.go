package svapp_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"canton.example/svrescue/svapp"
)

// What a transfer came to is told by which key is there: no other is (reference/apis.md 6.4).
func TestTransferOutputs(t *testing.T) {
	for output, want := range map[string]svapp.Transferred{
		`{"transfer_instruction_cid":"00aa"}`:       {Instruction: "00aa"},
		`{"receiver_holding_cids":["00bb","00cc"]}`: {Holdings: []string{"00bb", "00cc"}},
		`{}`:           {},
		`{"dummy":{}}`: {},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"output":` + output + `,"sender_change_cids":[],"meta":{}}`))
		}))
		tokens, err := svapp.TokenFrom("a test", strings.NewReader("token"))
		if err != nil {
			t.Fatal(err)
		}
		p, err := svapp.NewPayer(svapp.Settings{Way: svapp.Way{Name: "test", Base: server.URL, Through: http.DefaultTransport, Private: true}, Tokens: tokens})
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Transfer(t.Context(), payment())
		if err != nil || got.Instruction != want.Instruction || !slices.Equal(got.Holdings, want.Holdings) {
			t.Errorf("%s: got %+v, %v", output, got, err)
		}
		server.Close()
	}
}
