package network

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/dump"
)

// maxIdentities is more than a dump of identities has.
const maxIdentities = 64 << 20

// owner is who this node is by its own scan, which is another app on another database than the SV app.
type owner struct {
	party, dso string
	unknown    string // why it is not known; empty: it is
}

func ownerOf(ctx context.Context, w steps.World, n node.Node) owner {
	dso, _, err := ownScan(ctx, w, n)
	switch {
	case err != nil:
		return owner{unknown: why(err)}
	case dso.SVParty == "":
		return owner{unknown: "its scan does not tell it"}
	}
	return owner{party: dso.SVParty, dso: dso.Party}
}

// unfit is why a dump cannot be used for this node; empty: it can, as far as is known. Of what is in it only ids are told.
func unfit(of dump.Identities, o owner) string {
	switch problem := of.Problem(); {
	case of.Shape == dump.MigrationDump:
		return "it is a whole migration dump, whose data is older"
	case of.Shape == dump.ParticipantDump:
		return "it is the dump of a participant alone, and sequencer and mediator are needed too"
	case problem != "":
		return problem
	case of.Shape != dump.SVDump && of.Shape != dump.SVDumpUnwrapped:
		return "it is no identities dump"
	case !of.Whole():
		return "sequencer or mediator is missing in it"
	case o.unknown == "" && (!of.Owner(o.party) || of.Party != o.party):
		return fmt.Sprintf("it is of %s with the participant %s, and this node's scan says that it is %s", of.Party, of.Participant.ID, o.party)
	case o.unknown == "" && o.dso != "" && of.DSO != o.dso:
		return "it is of another network than this node's scan is"
	}
	return ""
}

// keep writes a dump into the artifacts if it is one of this node.
func keep(ctx context.Context, h steps.Hands, n node.Node, tried, next string, text []byte) error {
	of, err := dump.Read(bytes.NewReader(text))
	if err != nil {
		return &steps.Problem{Tried: tried, Seen: "it cannot be read", Next: next}
	}
	if why := unfit(of, ownerOf(ctx, h.World, n)); why != "" {
		return &steps.Problem{Tried: tried, Seen: "what came was not kept: " + plain.Line(why), Next: next}
	}
	return h.Files.Write(IdentitiesFile, text)
}

// fetchIdentities asks the SV app. Its request changes nothing, and may be sent again.
type fetchIdentities struct {
	app  steps.App
	node node.Node
}

func (a fetchIdentities) Key() string         { return "fetch the identities dump" }
func (a fetchIdentities) Effect() wire.Effect { return wire.Observe }
func (a fetchIdentities) Refs() []steps.Ref {
	return []steps.Ref{{File: IdentitiesFile}, {File: takenFile}}
}

func (a fetchIdentities) Show() wire.Preview {
	return wire.Preview{Title: "ask the SV app for its identities dump", Commands: []string{"svrescue identities fetch FOLDER"},
		After: "artifacts/" + IdentitiesFile + " in the run folder, readable by you only. It holds private keys, unless a KMS does"}
}

func (a fetchIdentities) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	if h.World.Apps == nil {
		return []wire.Finding{{ID: a.Key(), Verdict: wire.Undetermined, Text: "this run has no login for the SV app"}}, nil
	}
	if _, err := h.World.Apps.Token(ctx, a.app); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: a.Key(), Verdict: wire.Holds, Text: "there is a token for the SV app"}}, nil
}

// takenFile says where the dump in the artifacts is from.
const takenFile = "identities-source.txt"

func (a fetchIdentities) Probe(_ context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	return taken(w.Files, a.source())
}

func (a fetchIdentities) source() string { return "the SV app" }

func (a fetchIdentities) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	tried := "fetching the identities dump from the SV app"
	if h.World.Apps == nil {
		return &steps.Problem{Tried: tried, Seen: "this run has no login for the SV app", Next: "Fetch it in another terminal with svrescue identities fetch, and take the file"}
	}
	report(wire.Progress{Text: "asking the SV app, which asks participant, sequencer and mediator"})
	var text []byte
	defer func() { clear(text) }()
	err := h.World.Apps.SV(ctx, a.app, func(app *svapp.SV) error {
		answer, err := app.Identities(ctx)
		text = []byte(answer.Reveal())
		return err
	})
	if err != nil {
		return err
	}
	if err := keep(ctx, h, a.node, tried, "Take a backup of this SV instead", text); err != nil {
		return err
	}
	return h.Files.Write(takenFile, []byte(a.source()+"\n"+h.World.Clock.Now().UTC().Format(time.RFC3339)+"\n"+sum(text)+"\n"))
}

// copyIdentities takes a backup.
type copyIdentities struct {
	file string
	node node.Node
}

func (a copyIdentities) Key() string         { return "take the identities backup" }
func (a copyIdentities) Effect() wire.Effect { return wire.Observe }
func (a copyIdentities) Refs() []steps.Ref {
	return []steps.Ref{{File: IdentitiesFile}, {File: takenFile}}
}

func (a copyIdentities) Show() wire.Preview {
	return wire.Preview{Title: "copy the identities backup " + a.file, Commands: []string{"svrescue identities check " + a.file},
		After: "artifacts/" + IdentitiesFile + " in the run folder, readable by you only. It holds private keys, unless a KMS does"}
}

func (a copyIdentities) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (a copyIdentities) source() string { return "the backup " + a.file }

func (a copyIdentities) Probe(_ context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	return taken(w.Files, a.source())
}

func (a copyIdentities) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	tried := "taking the identities backup " + a.file
	file, err := os.Open(a.file)
	if err != nil {
		return &steps.Problem{Tried: tried, Seen: "it cannot be opened", Next: "Put it where it can be read, or take another one", Err: err}
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxIdentities+1))
	defer func() { clear(text) }()
	if err != nil || len(text) > maxIdentities {
		return &steps.Problem{Tried: tried, Seen: "it cannot be read, or is larger than identities can be", Next: "Take another one", Err: err}
	}
	if err := keep(ctx, h, a.node, tried, "Take the backup of this SV, or fetch a fresh one from the SV app", text); err != nil {
		return err
	}
	return h.Files.Write(takenFile, []byte(a.source()+"\n"+info.ModTime().UTC().Format(time.RFC3339)+"\n"+sum(text)+"\n"))
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// taken says whether the dump in the artifacts is whole and from that source.
func taken(files steps.FileReader, source string) (wire.ActionState, []wire.Evidence, error) {
	from, _, digest := takenFrom(files)
	text, err := files.Read(IdentitiesFile)
	defer func() { clear(text) }()
	if err != nil || from != source || sum(text) != digest {
		return wire.ActionPending, []wire.Evidence{{Source: IdentitiesFile, Seen: "not taken from " + source}}, nil
	}
	return wire.ActionDone, []wire.Evidence{{Source: IdentitiesFile, Seen: "taken from " + source}}, nil
}

func takenFrom(files steps.FileReader) (source string, at time.Time, digest string) {
	data, err := files.Read(takenFile)
	lines := strings.Split(string(data), "\n")
	if err != nil || len(lines) < 3 {
		return "", time.Time{}, ""
	}
	at, _ = time.Parse(time.RFC3339, lines[1])
	return lines[0], at, lines[2]
}

// verifyIdentities reads what was taken and compares it with who this node is.
func verifyIdentities(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	source, at, digest := takenFrom(w.Files)
	text, err := w.Files.Read(IdentitiesFile)
	defer func() { clear(text) }()
	if err != nil || sum(text) != digest {
		return []wire.Finding{{ID: "identities", Verdict: wire.Violated, Text: "there is no whole identities dump in the run folder", Next: "Do this step again"}}, nil
	}
	of, err := dump.Read(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	o := ownerOf(ctx, w, *f.Node)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if problem := unfit(of, o); problem != "" {
		return []wire.Finding{{ID: "identities", Verdict: wire.Violated, Text: "the identities dump cannot be used: " + plain.Line(problem), Next: "Take them from elsewhere"}}, nil
	}
	keys, kms := of.Participant.Counts()
	f.Identities = &Identities{Source: source, SHA256: digest, Party: of.Party, DSO: of.DSO, Participant: of.Participant.ID, Keys: keys, KMSKeys: kms, At: at}
	found := []wire.Finding{{ID: "identities", Verdict: wire.Holds, Text: fmt.Sprintf("identities of %s, with participant, sequencer and mediator, from %s", of.Party, source),
		Evidence: []wire.Evidence{{Source: "artifacts/" + IdentitiesFile, Seen: fmt.Sprintf("%d keys of the participant, SHA-256 %s", keys+kms, digest), At: at}}}}
	if o.unknown != "" {
		found = append(found, wire.Finding{ID: "owner", Verdict: wire.Undetermined, Text: "whether these are this node's could not be compared with its scan: " + plain.Line(o.unknown),
			Next: "Look that " + of.Party + " is this SV's party, and no other's"})
	}
	if kms > 0 {
		found = append(found, wire.Finding{ID: "kms", Verdict: wire.Attention, Text: fmt.Sprintf("%d keys of the participant are in a KMS and not in the dump", kms),
			Next: "The new participant must be set up with the same KMS and the same rights on its keys"})
	}
	if f.Source == fromFile {
		found = append(found, wire.Finding{ID: "backup", Verdict: wire.Attention, Text: "the dump is a backup of " + minute(at) + " UTC",
			Next: "If keys of this SV were changed since then, the new synchronizer does not know them"})
	}
	return found, nil
}
