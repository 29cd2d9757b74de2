package restore

import (
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/wire"
)

func TestLoginIsKnownBeforeAnythingIsChanged(t *testing.T) {
	now := time.Date(2026, 3, 1, 4, 10, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		credential kube.Credential
		verdict    wire.Verdict // empty: no finding
		text       string
	}{
		"a token that says nothing":     {kube.Credential{Kind: "token"}, "", ""},
		"a token that lasts":            {kube.Credential{Kind: "token", Ends: now.Add(8 * time.Hour)}, wire.Holds, "until 2026-03-01 12:10 UTC"},
		"a token that ends":             {kube.Credential{Kind: "token", Ends: now.Add(12*time.Minute + 30*time.Second)}, wire.Attention, "the login ends in 12 minutes, at 2026-03-01 04:22 UTC (token"},
		"a certificate that ends":       {kube.Credential{Kind: "certificate", Ends: now.Add(3*time.Hour + 5*time.Minute)}, wire.Attention, "ends in 3 h 5 min"},
		"a certificate that has ended":  {kube.Credential{Kind: "certificate", Ends: now.Add(-time.Minute)}, wire.Attention, "has ended at 2026-03-01 04:09 UTC"},
		"a plugin that asks":            {kube.Credential{Kind: "plugin", Plugin: "oidc", Wants: kube.WantsAlways}, wire.Violated, "interactiveMode: Always"},
		"a plugin that may ask":         {kube.Credential{Kind: "plugin", Plugin: "oidc", Wants: kube.WantsIfAny}, wire.Attention, "may want a terminal"},
		"a plugin that does not ask":    {kube.Credential{Kind: "plugin", Plugin: "oidc", Wants: kube.WantsNone}, "", ""},
		"a plugin that is not there":    {kube.Credential{Kind: "plugin", Plugin: "oidc", Missing: true, Wants: kube.WantsAlways}, wire.Violated, "is not on this machine"},
		"something that is none of all": {kube.Credential{}, "", ""},
	} {
		found := login(c.credential, "prod", now)
		if len(found) == 0 && c.verdict == "" {
			continue
		}
		if len(found) != 1 || found[0].Verdict != c.verdict || !strings.Contains(found[0].Text, c.text) || c.verdict != wire.Holds && found[0].Next == "" {
			t.Errorf("%s: %+v", name, found)
		}
	}
}
