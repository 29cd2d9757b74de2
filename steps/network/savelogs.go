package network

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp/commitment"
)

func saveLogs() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/save-logs", Title: "Save the logs", Effect: wire.Observe,
		Summary: "Copies the participant's logs into the run folder, before anything rotates them away.",
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needNode(f); err != nil {
				return nil, err
			}
			return []steps.Action{copyLogs{where: f.Where, of: f.Node.Of(node.Participant)}}, nil
		},
		Verify: func(_ context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			saved, err := readLogs(w.Files)
			if err != nil {
				return []wire.Finding{{ID: "logs", Verdict: wire.Violated, Text: "the logs are not saved: " + plain.Line(err.Error()), Next: "Do this step again",
					Waive: "the agreement then stands on other logs, or on what the participant's console says"}}, nil
			}
			f.Logs = &Logs{Files: len(saved.Logs), SHA256: saved.digest, Saved: saved.Made}
			for _, l := range saved.Logs {
				f.Logs.Bytes += l.Bytes
			}
			return logFindings(saved), nil
		},
	}
}

// logFindings tell what was saved and what the cluster no longer hands out.
func logFindings(saved logIndex) []wire.Finding {
	good := wire.Finding{ID: "logs", Verdict: wire.Holds}
	var bytes int64
	var found []wire.Finding
	for _, l := range saved.Logs {
		bytes += l.Bytes
		good.Evidence = append(good.Evidence, wire.Evidence{Source: logsFolder + "/" + l.File, Seen: fmt.Sprintf("%s, %d bytes, SHA-256 %s", l.source(), l.Bytes, l.SHA256), At: l.Saved})
		if l.Bytes == 0 {
			found = append(found, wire.Finding{ID: "empty-" + l.File, Verdict: wire.Attention, Text: "the log of " + l.source() + " is empty"})
		}
		if !l.Previous {
			found = append(found, l.gone())
		}
	}
	for _, m := range saved.Missing {
		found = append(found, wire.Finding{ID: "not-saved", Verdict: wire.Attention, Text: plain.Line(m)})
	}
	if len(saved.Logs) == 0 {
		return append(found, wire.Finding{ID: "logs", Verdict: wire.Undetermined, Text: "no pod of the participant has a log: it does not run",
			Next: "Take logs from your log collector or from the cluster's node when you are asked for older logs"})
	}
	good.Text = fmt.Sprintf("%d logs of the participant are saved, %d bytes of text, and match their checksums", len(saved.Logs), bytes)
	return append([]wire.Finding{good}, found...)
}

// gone says which lines the cluster no longer hands out: kubelets hand out the file that is being written, and not those that were rotated away.
func (l savedLog) gone() wire.Finding {
	where := fmt.Sprintf("Rotated files are not handed out by the cluster: they lie on its node %s in /var/log/pods/%s_%s_%s/%s, and in your log collector, if they are still there. Copy them away now",
		orNotKnown(l.Node), l.Namespace, l.Pod, l.UID, l.Container)
	f := wire.Finding{ID: "gone-" + l.File, Verdict: wire.Attention, Next: where}
	switch {
	case l.Started == nil || l.First == nil:
		f.Text = "of pod " + l.Pod + " older lines may be gone"
	case l.First.After(l.Started.Add(time.Minute)):
		f.Text = fmt.Sprintf("lines of pod %s are gone: its container runs since %s UTC, and the first line is of %s UTC", l.Pod, minute(*l.Started), minute(*l.First))
	default:
		f.Text = fmt.Sprintf("of pod %s there is what came after its container started, %s UTC", l.Pod, minute(*l.Started))
	}
	return f
}

func orNotKnown(text string) string {
	if text == "" {
		return "(not known)"
	}
	return text
}

// source is whose log it is, for people.
func (l savedLog) source() string {
	name := "pod " + l.Namespace + "/" + l.Pod
	if l.Previous {
		name += ", before its restart"
	}
	return name
}

// sourcesOf are the saved logs for a scan.
func sourcesOf(files steps.FileReader, saved logIndex) []commitment.Source {
	var all []commitment.Source
	for _, l := range saved.Logs {
		all = append(all, commitment.Source{Name: l.source(), Size: l.Packed, Open: opens(files, logsFolder+"/"+l.File)})
	}
	return all
}
