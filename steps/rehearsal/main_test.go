package rehearsal

import (
	"log/slog"
	"os"
	"runtime/debug"
	"testing"

	"canton.example/svrescue/kube"
)

// The stream servers of the simulated kubelet log every connection that is refused, which is what many tests are about.
func TestMain(m *testing.M) {
	kube.Logging(slog.New(slog.DiscardHandler))
	debug.SetGCPercent(400) // a matrix makes and drops many worlds
	os.Exit(m.Run())
}
