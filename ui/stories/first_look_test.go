package stories

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muesli/termenv"
	"k8s.io/utils/clock"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/evidence"
	"canton.example/svrescue/ui/command/firstlook"
	"canton.example/svrescue/ui/theme"
	"canton.example/svrescue/ui/wizard"
)

// finding is the first screen over what finding the node comes to.
func finding(t *testing.T, find func(context.Context) (evidence.Options, error), play func(*screen)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(2 * time.Minute) // timers of what is gone run out
		looker := &firstlook.Looker{Clock: clock.RealClock{}, Find: find}
		s := newScreen(t)
		defer s.close()
		s.model = wizard.FirstModel(s.ctx, wizard.FirstOptions{Look: looker.Look, Answer: looker.Answer, Operator: "alice",
			Clock: clock.RealClock{}, Theme: theme.New(theme.Abilities{Profile: termenv.Ascii})}, io.Discard)
		s.begin()
		play(s)
	})
}

// A cluster that never answers leaves a screen on which something is said after five seconds, and on which questions can be answered.
func TestAClusterThatHangs(t *testing.T) {
	began := time.Time{}
	finding(t, func(ctx context.Context) (evidence.Options, error) {
		began = time.Now()
		<-ctx.Done()
		return evidence.Options{}, ctx.Err()
	}, func(s *screen) {
		s.expect("Looking. A first verdict comes in", "17 of 17 sources still asked", "asked for 0 s")
		s.expect("Not determined: the cluster has not answered yet", "Check the address, the context and the permissions")
		if waited := time.Since(began); waited < firstlook.Verdict || waited > firstlook.Verdict+time.Second {
			t.Errorf("the first verdict came after %s", waited)
		}
		s.press("a")
		s.expect("together declared it lost?")
		s.press("3", "enter")
		s.expect("Judged anew with your answers.")
		s.expect("No cluster could be looked at") // when the minute is over
		if waited := time.Since(began); waited > firstlook.Wait+2*time.Second {
			t.Errorf("it was looked for %s", waited)
		}
		s.expect("Seen  No answer within a minute")
		s.press("e", "G")
		s.expect("What is seen", "declared lost: The operator says that the SVs have not declared the network")
	})
}

// Where there is no cluster at all, the screen says what was tried and what to do next, and looking again tries again.
func TestNoClusterAtAll(t *testing.T) {
	tries := 0
	finding(t, func(context.Context) (evidence.Options, error) {
		tries++
		return evidence.Options{}, &kube.Error{Tried: "read the kubeconfig", Seen: "no kubeconfig found at /home/alice/.kube/config", Next: "name the right file with --kubeconfig"}
	}, func(s *screen) {
		s.expect("No cluster could be looked at", "Tried Read the kubeconfig.", "Seen  No kubeconfig found at", "Next  Name the right file", "p practises")
		s.expectNot("RECOMMENDED", "impossible")
		s.press("r")
		s.expect("No cluster could be looked at")
		if tries != 2 {
			t.Errorf("it was tried %d times", tries)
		}
		s.press("p")
		if result, err := s.model.(*wizard.FirstProgram).Result(); err != nil || result.Chosen != "rehearse" {
			t.Errorf("%+v, %v", result, err)
		}
	})
}

// A verdict that is another one when the operator looks again says so, and what was said before.
func TestAVerdictThatChanges(t *testing.T) {
	happens(t, "incident-nothing", func(i *incident) {
		i.expect("ALL IS WELL")
		ctx, ref := context.Background(), kube.WorkloadRef{Kind: kube.Deployment, Namespace: namespace, Name: "scan-app"}
		w, _, err := i.cluster.Workload(ctx, ref.Kind, ref.Namespace, ref.Name)
		if err != nil {
			t.Fatal(err)
		}
		if err := i.cluster.Hands(kube.AccessScale(ref), false).Scale(ctx, ref, w.Replicas, 0, ""); err != nil {
			t.Fatal(err)
		}
		i.press("r").expect("NO DISASTER", "Ask who stopped scan-app", "Changed after", "Before, it said:", "seen 0 s ago")
	})
}
