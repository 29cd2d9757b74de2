package triage

import "testing"

// Two variants stand behind the name network, and the release decides.
func TestGoes(t *testing.T) {
	for _, c := range []struct{ path, release, want string }{
		{Network, "0.6.1", "network"}, {Network, "0.6.2", "network-roll-forward"}, {Network, "0.8.1", "network-roll-forward"}, {Network, "", "network"},
		{Restore, "0.8.1", "restore"}, {"", "0.8.1", ""},
	} {
		if got := Goes(c.path, c.release); got != c.want {
			t.Errorf("%s of %q goes by %q", c.path, c.release, got)
		}
	}
}
