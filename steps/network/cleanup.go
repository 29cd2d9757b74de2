package network

import (
	"context"
	"fmt"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// CleanUpPath is the name of the path that ends the recovery, days later.
const CleanUpPath = "network-clean-up"

// CleanUp returns the path that disarms the apps after a recovery: a run of its own, days later, when the call says that nobody has to migrate any
// more. Until then the SV app would start from its dump again.
func CleanUp() steps.Path[Facts] {
	look := inventory()
	look.ID = CleanUpPath + "/inventory"
	return steps.Path[Facts]{Name: CleanUpPath, Title: "Clean up after the recovery of the network", Version: 1,
		Subject: New().Subject,
		Steps:   []steps.Step[Facts]{look, cleanUpDecided(), cleanUpValues(), cleanUpUpgrade(), cleanUpOld()},
		Ending: func(Facts) string {
			return "the apps are not told to migrate any more, as their running environment says"
		},
	}
}

// cleanUpDecided takes down that the call has said so.
func cleanUpDecided() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: CleanUpPath + "/decided", Title: "The decision", Effect: wire.Observe,
		Summary: "Writes down who said that the recovery is over.",
		Asks: []steps.Ask{
			{Name: "who", Kind: wire.AskText, Help: "who said that the recovery is over"},
			{Name: "where", Kind: wire.AskText, Help: "the call or the channel where that was said"},
			{Name: "when", Kind: wire.AskText, Help: "when, in UTC"},
			{Name: "legacy", Kind: wire.AskChoice, Help: "drop: migration.legacyId goes too; keep: it stays for now"},
		},
		Inputs: func(_ context.Context, w steps.World, f Facts) ([]wire.Question, error) {
			if q := f.Cleaning.Decided.question("", "that the recovery is over", Decision{}, w.Clock.Now()); q != nil {
				return []wire.Question{*q}, nil
			}
			if f.Cleaning.Legacy == "" {
				return []wire.Question{{Name: "legacy", Kind: wire.AskChoice, Title: "Does the ID of the old synchronizer go, too?",
					Text: valueLegacyID + " tells the SV app of the synchronizer before. It goes when that is taken down.",
					Choices: []wire.Choice{{ID: keepLegacy, Label: "Not yet", Detail: "only " + valueMigrating + " goes"},
						{ID: dropLegacy, Label: "It goes", Detail: "the old synchronizer is taken down, or will be now"}}}}, nil
			}
			return nil, nil
		},
		Take: func(f *Facts, ask, value string) error {
			if ask == "legacy" {
				f.Cleaning.Legacy = value
				return nil
			}
			_, err := f.Cleaning.Decided.take(ask, value)
			return err
		},
		Forget: func(f *Facts) { f.Cleaning = Cleaning{} },
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			found := []wire.Finding{f.Cleaning.Decided.finding("decided", "the recovery is over", w.Clock.Now())}
			told, err := armed(ctx, w, *f.Node)
			if err != nil {
				return nil, err
			}
			if len(told) == 0 {
				found = append(found, wire.Finding{ID: "armed", Verdict: wire.Holds, Text: "no app is told to migrate, as the running environments say"})
			}
			for app, by := range told {
				found = append(found, wire.Finding{ID: "armed-" + app, Verdict: wire.Attention, Text: fmt.Sprintf("%s is told to migrate whenever it starts (%s)", app, by), Next: "The next steps end that"})
			}
			return found, nil
		},
	}
}

// Answers about the old ID.
const (
	keepLegacy = "keep"
	dropLegacy = "drop"
)
