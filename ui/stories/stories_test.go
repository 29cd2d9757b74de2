package stories

import (
	"testing"
)

// begin goes from the first question to the first confirmation.
func (s *story) begin() *story {
	s.t.Helper()
	s.expect("Which backup run is restored?", "✓  1 Inventory").press("enter")
	s.expect("7 · Fence", "if this node runs nowhere else").text("testnet/Acme-SV").press("enter")
	return s.expect("9 · Scale down", "Scale down: send this?", "✓ 8 Hold others")
}

// yes confirms the step with that title.
func (s *story) yes(title string) *story {
	s.t.Helper()
	return s.expect(title+": send this?", "Will be sent").press("y")
}

// word confirms what destroys.
func (s *story) word() *story {
	s.t.Helper()
	return s.expect("destroys", "Type testnet/Acme-SV to go on:").text("testnet/Acme-SV").press("enter")
}

func TestTheWholeWay(t *testing.T) {
	tell(t, "restore-clean", func(s *story) {
		s.begin().yes("Scale down")
		s.expect("10 · Keep old volumes", "✓ 9 Scale down: 11 of 11 workloads want no replicas and have no pods").yes("Keep old volumes")
		s.expect("11 · Restore volumes", "Cannot be undone: nothing; it can be taken back.").word()
		s.expect("claims", "You can close this window; the work goes on.")
		s.yes("Start databases").yes("Prove restored").yes("Scale up")
		s.expect("16 · Catch up", "behind")
		s.expect("Recovered", "17 of 17 steps done", "Report: svrescue report r-1")
		s.press("up").expect("16 · Catch up", "What was proven")
	})
}

func TestLookingBackAtWhatWasFound(t *testing.T) {
	tell(t, "restore-clean", func(s *story) {
		s.begin().press("[", "[", "[").expect("6 · Record", "match their checksums")
		s.press("[", "[").expect("4 · Preflight", "permissions that the steps and their undo")
		s.press("[", "[", "[").expect("1 · Inventory", "5 claims hold its data", "A question is open at step 9").press("e")
		s.expect("deployment/participant: participant, 1 wanted").press("esc", "esc").expect("9 · Scale down")
		s.press("y").expect("10 · Keep old volumes")
	})
}

func TestAPodThatWillNotTerminate(t *testing.T) {
	tell(t, "restore-stuck-pod", func(s *story) {
		s.begin().yes("Scale down")
		s.expect("6/7 workloads", "scan-app", "1 pod left")
		s.expect("needs a decision", "Scale down is still waiting", "Wait longer")
		s.letGo()
		s.press("down", "enter").expect("10 · Keep old volumes")
	})
}

func TestASnapshotThatNeverBecomesReady(t *testing.T) {
	tell(t, "restore-snapshot-never-ready", func(s *story) {
		s.expect("Which backup run is restored?", "- 60 min old", "› 2 5 h old", "newest that is whole").press("up", "enter")
		s.expect("7 · Fence")
	})
}

func TestAParticipantThatCrashLoops(t *testing.T) {
	tell(t, "restore-crash-loop", func(s *story) {
		s.begin().yes("Scale down").yes("Keep old volumes").word().yes("Start databases").yes("Prove restored").yes("Scale up")
		s.expect("needs a decision", "crashes again and").press("2").expect("a few restarts are normal").press("enter")
		s.expect("Recovered")
	})
}

func TestBackupsInTheWrongOrder(t *testing.T) {
	tell(t, "restore-wrong-order", func(s *story) {
		s.expect("Which backup run is restored?", "reversed").press("2", "enter")
		s.expect("Prove set cannot go on", "silently wrong").press("3").expect("› 3 Answer Backup set again").press("enter")
		s.expect("2 · Backup set", "Which backup run is restored?").press("3", "enter")
		s.expect("Prove set cannot go on", "silently wrong").press("6").expect("› 6 End the run").press("enter")
		s.expect("Refused: a precondition does not hold")
	})
}

func TestARightThatIsMissing(t *testing.T) {
	tell(t, "restore-no-rights", func(s *story) {
		s.expect("Which backup run is restored?").press("enter")
		s.expect("permissions are missing", "Preflight cannot go on").press("e")
		s.expect("patch persistentvolumes", "denied").press("esc", "6").expect("› 6 End the run").press("enter").expect("Refused: a precondition does not hold")
	})
}

func TestTakingAStepBack(t *testing.T) {
	tell(t, "restore-clean", func(s *story) {
		s.begin().yes("Scale down").expect("10 · Keep old volumes").press("o").expect("Take back Scale down")
		s.expect("4 Take back Scale down").press("4", "enter").expect("9 · Scale down", "Will be sent to take the step back", "1 ~ scale statefulset/apps-pg to 1")
		s.expectNot("validator-app to 0").press("y")
		s.expect("Scale down: send this?", "Will be sent", "1 ~ scale deployment/validator-app to 0").expectNot("take the step back", "apps-pg to 1")
		s.press("y").expect("10 · Keep old volumes")
	})
}

func TestAWorkerThatIsKilledAndTakenUpAgain(t *testing.T) {
	tell(t, "restore-clean", func(s *story) {
		s.begin().yes("Scale down").expect("wait until the pods of the applications")
		s.worker.kill()
		s.expect("The worker is gone", "It stood at step 9 of 17, Scale down; under way: ", "Go on with: svrescue resume r-1")
		s.screen.close()
		s.work()
		s.sit()
		s.expect("The world already shows 7 of 13 actions done").press("y")
		s.expect("10 · Keep old volumes", "✓ 9 Scale down")
	})
}

func TestATerminalThatGoesAwayWhileTheWorkerWorks(t *testing.T) {
	tell(t, "restore-clean", func(s *story) {
		s.begin().yes("Scale down").expect("wait until the pods of the applications")
		s.screen.close()
		s.sit()
		s.expect("9 · Scale down", "running", "You can close this window")
		s.expect("Keep old volumes: send this?")
	})
}

func TestTwoScreens(t *testing.T) {
	tell(t, "restore-clean", func(s *story) {
		s.begin()
		other := openScreen(t, s.worker)
		defer other.close()
		other.expect("Scale down: send this?", "2 screens watch this run")
		s.press("n").text("told the on-call").press("enter")
		s.press("y").expect("10 · Keep old volumes")
		other.expect("10 · Keep old volumes")
		other.press("l")
		other.expect("note by alice: told the on-call")
	})
}

func TestParkingAndComingBack(t *testing.T) {
	tell(t, "restore-clean", func(s *story) {
		s.begin().press("p").expect("Park this run").press("down", "enter")
		s.expect("Parked", "Go on with: svrescue resume r-1")
		s.screen.close()
		s.work()
		s.sit()
		s.expect("Scale down: send this?")
	})
}
