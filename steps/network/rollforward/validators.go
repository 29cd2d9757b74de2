package rollforward

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/network"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// ValidatorsFile is the artifact that is sent to validators. Nothing in it is secret.
const ValidatorsFile = "validators.txt"

func validators() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/roll-forward/validators", Title: "Validators", Effect: wire.Observe,
		Summary: "Writes what validators have to know and to type, with the values of this roll-forward.",
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needCard(f); err != nil {
				return nil, err
			}
			return []steps.Action{tellValidators{agreed: *f.Agreed, node: *f.Node}}, nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			text, err := w.Files.Read(ValidatorsFile)
			if err != nil {
				return []wire.Finding{{ID: "text", Verdict: wire.Violated, Text: "artifacts/" + ValidatorsFile + " is not in the run folder", Next: "Do this step again"}}, nil
			}
			found := []wire.Finding{{ID: "text", Verdict: wire.Attention, Text: "what validators have to know is in artifacts/" + ValidatorsFile + " in the run folder; nothing in it is secret",
				Next: "Send it when the call says that validators are to go", Evidence: []wire.Evidence{{Source: "artifacts/" + ValidatorsFile, Seen: fmt.Sprintf("%d lines", strings.Count(string(text), "\n"))}}}}
			list, err := successors(ctx, w, *f.Node, f.Agreed.NewSerial)
			if err != nil {
				return nil, err
			}
			total := max(len(f.Call.SVs), 1)
			n := wire.Finding{ID: "sequencers", Verdict: wire.Holds, Text: fmt.Sprintf("scan lists the successor's sequencers of %d of %d SVs", len(list.sequencers), total)}
			if len(list.sequencers) < total {
				n.Verdict, n.Next = wire.Attention, "Those of SVs that come later are not in the text: add them in the same form before it is sent, from GET /api/scan/v0/dso-sequencers"
			}
			found = append(found, n)
			if f.Situation == NothingSequenced {
				told, err := told(ctx, w, *f)
				if err != nil {
					return nil, err
				}
				found = append(found, told)
			}
			return found, nil
		},
	}
}

// told is whether this SV's scan tells validators' apps where to go.
func told(ctx context.Context, w steps.World, f Facts) (wire.Finding, error) {
	var r svapp.RollForward
	is := false
	err := network.AskOwnScan(ctx, w, *f.Node, func(s *svapp.Scan) (err error) { r, is, err = s.RollForward(ctx); return err })
	t := wire.Finding{ID: "told", Verdict: wire.Holds, Text: fmt.Sprintf("this SV's scan tells validators to roll forward to %s at %s", r.Successor, stamp(r.At))}
	switch {
	case ctx.Err() != nil:
		return t, ctx.Err()
	case err != nil:
		t.Verdict, t.Text = wire.Undetermined, "whether this SV's scan tells validators where to go is not seen: "+plain.Cut(plain.Line(steps.FailureOf("", err).Seen), 160)
		t.Next = "Ask it by hand: GET /api/scan/v0/roll-forward-lsu"
	case !is:
		t.Verdict, t.Text, t.Next = wire.Violated, "this SV's scan does not tell validators where to go", "Look at rollForwardLsu in the values of its release"
	case !strings.HasSuffix(r.Successor, fmt.Sprintf("::%s-%d", f.Agreed.ProtocolVersion, f.Agreed.NewSerial)):
		t.Verdict, t.Text = wire.Violated, "this SV's scan tells validators to roll forward to "+r.Successor
		t.Next = fmt.Sprintf("The card says serial %d and protocol version %s", f.Agreed.NewSerial, f.Agreed.ProtocolVersion)
	}
	return t, nil
}

// listed are the sequencers of the successor, as this SV's scan lists them.
type listed struct {
	synchronizer string // logical: global-domain::1220...
	sequencers   []svapp.Sequencer
}

// successors asks for them. The error is that of the context or of the scan.
func successors(ctx context.Context, w steps.World, n node.Node, serial int) (listed, error) {
	var all []svapp.Sequencer
	var l listed
	if err := network.AskOwnScan(ctx, w, n, func(s *svapp.Scan) (err error) { all, err = s.Sequencers(ctx); return err }); err != nil {
		return l, err
	}
	for _, q := range all {
		if l.synchronizer == "" {
			l.synchronizer = q.Synchronizer
		}
		if q.Serial != nil && *q.Serial == int64(serial) {
			l.sequencers = append(l.sequencers, q)
		}
	}
	slices.SortFunc(l.sequencers, func(a, b svapp.Sequencer) int { return strings.Compare(a.SVName, b.SVName) })
	return l, nil
}

// tellValidators writes the text, from what scan lists.
type tellValidators struct {
	agreed Agreed
	node   node.Node
}

func (t tellValidators) Key() string         { return "write the text for validators" }
func (t tellValidators) Effect() wire.Effect { return wire.Observe } // nothing in the cluster changes
func (t tellValidators) Refs() []steps.Ref   { return []steps.Ref{{File: ValidatorsFile}} }

func (t tellValidators) Show() wire.Preview {
	return wire.Preview{Title: t.Key(), After: "artifacts/" + ValidatorsFile + " in the run folder, with the sequencers of the successor that this SV's scan lists"}
}

func (t tellValidators) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (t tellValidators) text(ctx context.Context, w steps.World) (string, error) {
	l, err := successors(ctx, w, t.node, t.agreed.NewSerial)
	if err != nil {
		return "", err
	}
	if t.agreed.Situation == NothingSequenced {
		return t.agreed.follows(l), nil
	}
	return t.agreed.console(l), nil
}

func (t tellValidators) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	want, err := t.text(ctx, w)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	if have, err := w.Files.Read(ValidatorsFile); err != nil || string(have) != want {
		return wire.ActionPending, []wire.Evidence{{Source: ValidatorsFile, Seen: "not made from what scan lists now"}}, nil
	}
	return wire.ActionDone, []wire.Evidence{{Source: ValidatorsFile, Seen: "made from what scan lists now"}}, nil
}

func (t tellValidators) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	text, err := t.text(ctx, h.World)
	if err != nil {
		return err
	}
	return h.Files.Write(ValidatorsFile, []byte(text))
}

// physical is the ID of the successor, as Canton writes it: the logical one, protocol version and serial.
func (a Agreed) physical(logical string) string {
	return fmt.Sprintf("%s::%s-%d", logical, a.ProtocolVersion, a.NewSerial)
}

// follows is the text where validators' apps follow by themselves.
func (a Agreed) follows(l listed) string {
	return fmt.Sprintf(`To the validators of %s

The announced upgrade of the synchronizer failed, and nothing was sequenced on its successor. The super validators roll forward to a new one:

  %s

Your validator app follows by itself, as soon as enough scans tell it. Leave the app and the participant running, of release 0.6.5 or later: with
an older one the announcement can have been lost. You need to do nothing else. If your app's log does not say that it has performed a manual LSU
some time after the super validators say that they are done, ask them.

Card of the call: %s
`, a.Network, a.physical(l.synchronizer), a.Card().Fingerprint())
}

// console is the text where validators roll forward on their consoles. The command is that of upstream's page for validators; how its values are
// made is not on that page, and is written here by the types in Canton's source.
func (a Agreed) console(l listed) string {
	var b strings.Builder
	fmt.Fprintf(&b, `To the validators of %s

The synchronizer broke. The super validators have rolled forward to a new one:

  %s

1. Wait until your participant has taken in everything of the old synchronizer: until its log at INFO has no new line with

     %s

   for some minutes. What it has not taken in by then it may never get.

2. Open a Canton console to your participant and type this. Keep those sequencers only that your participant is connected to now:
   participant.synchronizers.config("global") shows them. The ID of a sequencer stays the same.

     import com.digitalasset.canton.config.RequireTypes.Port
     import com.digitalasset.canton.networking.Endpoint
     import com.digitalasset.canton.topology.{PhysicalSynchronizerId, SequencerId, UniqueIdentifier}
     import com.digitalasset.canton.topology.transaction.GrpcConnection
     import com.daml.nonempty.NonEmpty // com.digitalasset.nonempty.NonEmpty in newer releases

     val existingPhysicalSynchronizerId = participant.synchronizers.list_connected().find(_.synchronizerAlias == "global").head.physicalSynchronizerId
     val newPhysicalSynchronizerId = PhysicalSynchronizerId.tryFromString(%q)
     val sequencerSuccessors = Map(
`, a.Network, a.physical(l.synchronizer), ingesting[node.Participant], a.physical(l.synchronizer))
	for _, q := range l.sequencers {
		host, port, tls := endpoint(q.URL)
		fmt.Fprintf(&b, "       // %s\n       SequencerId(UniqueIdentifier.tryFromProtoPrimitive(%q)) ->\n         GrpcConnection(NonEmpty(Set, Endpoint(%q, Port.tryCreate(%s))), transportSecurity = %v, customTrustCertificates = None),\n",
			q.SVName, strings.TrimPrefix(q.ID, "SEQ::"), host, port, tls)
	}
	if len(l.sequencers) == 0 {
		b.WriteString("       // none is listed yet\n")
	}
	fmt.Fprintf(&b, `     )
     participant.synchronizers.perform_manual_lsu(
       existingPhysicalSynchronizerId,
       newPhysicalSynchronizerId,
       upgradeTime = None,
       sequencerSuccessors,
     )

   The command is that of the documentation. How the two values before it are made is written by the types in Canton's source and was not tried for
   every release: where the console does not take it, compare with the documentation of yours.

3. If you had given an upgrade time and it answers "%s", type the same again with upgradeTime = None.

4. Your participant may find later that it differs from others, where they saw another end of the old synchronizer (ACS_COMMITMENT_MISMATCH in its
   log). Resolve that by Canton's process for ACS commitment mismatches, with the operators of the others.

Card of the call: %s
`, pastIndex, a.Card().Fingerprint())
	return b.String()
}

// endpoint is host, port and whether TLS is spoken at an address.
func endpoint(address string) (host, port string, tls bool) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return plain.Line(address), "443", true
	}
	tls = u.Scheme != "http"
	if port = u.Port(); port == "" {
		port = map[bool]string{true: "443", false: "80"}[tls]
	}
	return u.Hostname(), port, tls
}
