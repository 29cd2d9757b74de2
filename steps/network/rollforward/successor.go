package rollforward

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// deploySuccessor installs sequencer, mediator and CometBFT of the successor beside the old ones, and no participant.
func deploySuccessor() change {
	return change{name: "deploy-successor", title: "Deploy the successor", diffTitle: "Successor: what changes", pods: "the successor", effect: wire.Repeatable, ready: true,
		shown:   "Derives the successor's releases from the running ones, with the new serial and its bounds, and shows what differs.",
		summary: "Installs the successor's sequencer, mediator and, unless CantonBFT orders it, CometBFT beside the old ones. There is no new participant.",
		asks:    successorAsks, inputs: successorInputs, take: takeAddress, forget: func(f *Facts) { f.Addresses = Addresses{} },
		wants: successorWants,
		judge: judgeSuccessor,
		check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) { return f.alone(ctx, w) },
		proof: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			found := []wire.Finding{{ID: "uninitialised", Verdict: wire.Attention, Text: "the successor is not initialised: its pods run and sequence nothing",
				Next: "That is as expected: the SV app initialises it when it rolls forward"}}
			reached, err := f.reached(ctx, w)
			return append(found, reached...), err
		},
	}
}

// nextName is the name of the successor's release or workload for an old one.
func (f Facts) nextName(old string) (string, error) {
	next, ok := renumber(old, strconv.Itoa(f.Agreed.CurrentSerial), strconv.Itoa(f.Agreed.NewSerial))
	if !ok {
		return "", &steps.Problem{Tried: "naming the successor of " + old, Seen: fmt.Sprintf("there is no serial %d in that name", f.Agreed.CurrentSerial), Next: "A release that is not named by its serial is derived by hand"}
	}
	return next, nil
}

// bounded are the values with which the successor's sequencer is bounded. In the variant of an announced upgrade upstream's page has no bounds; its
// test takes the upgrade time for both, and so is it here.
func (f Facts) bounded() Agreed {
	a := *f.Agreed
	if a.Upgrade.IsZero() && f.Gate != nil && f.Gate.Announced != nil {
		a.Upgrade = f.Gate.Announced.At
	}
	if a.LowerBound.IsZero() {
		a.LowerBound = a.Upgrade
	}
	return a
}

func successorWants(f Facts, all []releases.Running, _ int) ([]releases.Want, error) {
	if f.bounded().Upgrade.IsZero() {
		return nil, &steps.Problem{Tried: "bounding the successor's sequencer", Seen: "the card has no upgrade time, and scan does not tell that of the announcement", Next: "Have the call give it, and settle a card with it"}
	}
	sequencer, err := f.sequencerWant(all)
	if err != nil || f.Agreed.Driver != CometBFT {
		return []releases.Want{sequencer}, err
	}
	comet, err := f.cometWant(all)
	return []releases.Want{comet, sequencer}, err // the order of an installation (reference/deployment.md 5)
}

func (f Facts) sequencerWant(all []releases.Running) (releases.Want, error) {
	old, err := f.oldRelease(node.Sequencer)
	if err != nil {
		return releases.Want{}, err
	}
	running, err := releases.Named(all, old)
	if err != nil {
		return releases.Want{}, err
	}
	values, err := valuesOf(running)
	if err != nil {
		return releases.Want{}, err
	}
	as, err := f.nextName(old)
	if err != nil {
		return releases.Want{}, err
	}
	set := map[string]any{}
	for _, part := range []string{"sequencer", "mediator"} {
		path := part + ".persistence.databaseName"
		set[path] = fmt.Sprintf("%s_%d", part, f.Agreed.NewSerial) // as documented
		if name, ok := renumber(values.text(path), strconv.Itoa(f.Agreed.CurrentSerial), strconv.Itoa(f.Agreed.NewSerial)); ok {
			set[path] = name
		}
	}
	if set["sequencer.driver"], err = f.driverValues(values); err != nil {
		return releases.Want{}, err
	}
	add := map[string][]any{"sequencer.additionalEnvVars": {variable(BoundsVariable, f.bounded().Bounds())}}
	for _, list := range []string{"sequencer.additionalEnvVars", "additionalEnvVars"} {
		if values.env(list, CapVariable) { // the old sequencer's maximum would stop the successor; an empty setting sets nothing
			add[list] = append(add[list], variable(CapVariable, ""))
		}
		if list == "additionalEnvVars" && values.env(list, BoundsVariable) {
			add[list] = append(add[list], variable(BoundsVariable, ""))
		}
	}
	return releases.Want{Release: old, As: as, What: fmt.Sprintf("serial %d", f.Agreed.NewSerial), Source: f.source(f.Agreed.Chart), Edit: releases.Edit{Set: set, Add: add}}, nil
}

// driverValues are the settings of the ordering layer of the successor.
func (f Facts) driverValues(values tree) (map[string]any, error) {
	if f.Agreed.Driver == CantonBFT {
		driver := map[string]any{"type": string(CantonBFT), "externalAddress": f.Addresses.Peer, "externalPort": 443}
		if p := values.under("sequencer.driver.persistence"); p != nil && values.text("sequencer.driver.type") == string(CantonBFT) {
			name, _ := renumber(p.text("databaseName"), strconv.Itoa(f.Agreed.CurrentSerial), strconv.Itoa(f.Agreed.NewSerial))
			database := map[string]any{"databaseName": name}
			for _, key := range []string{"host", "port", "user", "secretName"} {
				if p[key] != nil {
					database[key] = p[key]
				}
			}
			driver["persistence"] = database
		}
		return driver, nil
	}
	comet, err := f.nextName(f.oldName(node.CometBFT))
	return map[string]any{"type": string(CometBFT), "host": comet + "-cometbft-rpc", "port": 26657}, err
}

func (f Facts) cometWant(all []releases.Running) (releases.Want, error) {
	old, err := f.oldRelease(node.CometBFT)
	if err != nil {
		return releases.Want{}, err
	}
	running, err := releases.Named(all, old)
	if err != nil {
		return releases.Want{}, err
	}
	values, err := valuesOf(running)
	if err != nil {
		return releases.Want{}, err
	}
	as, err := f.nextName(old)
	if err != nil {
		return releases.Want{}, err
	}
	identifier, err := f.nextName(f.oldName(node.CometBFT))
	if err != nil {
		return releases.Want{}, err
	}
	from, to := strconv.Itoa(f.Agreed.CurrentSerial), strconv.Itoa(f.Agreed.NewSerial)
	chain, ok := renumber(values.text("genesis.chainId"), from, to)
	if !ok {
		return releases.Want{}, &steps.Problem{Tried: "naming the successor's chain", Seen: "genesis.chainId of release " + old + " has no serial " + from, Next: "The chain of the successor needs an ID of its own: set it by hand"}
	}
	set := map[string]any{"node.identifier": identifier, "node.externalAddress": f.Addresses.Comet, "genesis.chainId": chain, "stateSync.enable": false}
	if f.Addresses.Founder != "" {
		set["sv1.externalAddress"] = f.Addresses.Founder
	}
	for _, path := range []string{"watchdog.sequencerMetricsUrl", "watchdog.mediatorMetricsUrl"} {
		if address, ok := renumber(values.text(path), from, to); ok {
			set[path] = address
		}
	}
	drop := []string{"db.pvcName", "db.dataSource"} // a chain of its own begins on an empty claim of its own
	return releases.Want{Release: old, As: as, What: "serial " + to, Source: f.source(f.Agreed.Chart), Edit: releases.Edit{Set: set, Drop: drop}}, nil
}

// judgeSuccessor says whether the successor's sequencer is bounded, is not capped, and has its own database and ordering layer.
func judgeSuccessor(f Facts, all []kube.Workload) []wire.Finding {
	name, err := f.nextName(f.oldName(node.Sequencer))
	if err != nil {
		return []wire.Finding{{ID: "bounds", Verdict: wire.Violated, Text: steps.FailureOf("", err).Seen, Next: steps.FailureOf("", err).Next}}
	}
	env := f.environmentOf(all, name, "sequencer")
	a := f.bounded()
	found := []wire.Finding{a.Bounded(env)}
	if f.Situation == NothingSequenced {
		found = append(found, wire.Finding{ID: "bounds-open", Verdict: wire.Attention, Text: "the upgrade time is both bounds of the successor's sequencer, as in upstream's test; upstream's page has none in this situation",
			Next: "Have the call confirm it: all SVs set the same, or none does"})
	}
	if strings.TrimSpace(env[CapVariable]) != "" {
		found = append(found, wire.Finding{ID: "no-cap", Verdict: wire.Violated, Text: "the successor's sequencer gets the maximum sequencing time of the old one", Next: "Take " + CapVariable + " out of its values"})
	}
	const database = "CANTON_SEQUENCER_POSTGRES_DB"
	old, hasOld := f.Node.Databases, false
	for _, d := range old {
		hasOld = hasOld || d.Name == env[database]
	}
	switch {
	case env == nil:
	case env[database] == "":
		found = append(found, wire.Finding{ID: "database", Verdict: wire.Undetermined, Text: "which database the successor's sequencer gets is not seen", Next: "Look at " + database + " of its Deployment: it must be one of its own"})
	case hasOld:
		found = append(found, wire.Finding{ID: "database", Verdict: wire.Violated, Text: "the successor's sequencer gets the database " + plain.Line(env[database]) + ", which is in use", Next: "Look at sequencer.persistence.databaseName"})
	default:
		found = append(found, wire.Finding{ID: "database", Verdict: wire.Holds, Text: "the successor's sequencer has the database " + plain.Line(env[database]) + " of its own"})
	}
	driver := map[Driver]string{CometBFT: "ADDITIONAL_CONFIG_SEQUENCER_DRIVER_COMETBFT", CantonBFT: "ADDITIONAL_CONFIG_SEQUENCER_DRIVER_BFT"}[a.Driver]
	ordered := wire.Finding{ID: "driver", Verdict: wire.Holds, Text: "the successor is ordered by " + a.Driver.name()}
	if _, has := env[driver]; !has {
		ordered.Verdict, ordered.Text, ordered.Next = wire.Violated, "the successor's sequencer gets no "+driver, "The card says "+string(a.Driver)+": look at sequencer.driver in its values"
	}
	return append(found, ordered)
}

// alone looks whether a successor of that serial stands already, that somebody else has made.
func (f Facts) alone(ctx context.Context, w steps.World) ([]wire.Finding, error) {
	var found []wire.Finding
	for _, d := range f.Changes["deploy-successor"] {
		for _, wanted := range d.Workloads {
			ref := wanted.Workload
			now, there, err := w.Kube.Workload(ctx, ref.Kind, ref.Namespace, ref.Name)
			if err != nil {
				return nil, err
			}
			if there && now.Annotations["meta.helm.sh/release-name"] != d.Name {
				found = append(found, wire.Finding{ID: "there-" + ref.Name, Verdict: wire.Violated, Text: ref.Name + " is there already, and is not of release " + d.Name, Next: "Find out who made it. A successor of a failed upgrade has a serial of its own, and is thrown away by hand"})
			}
		}
	}
	return found, nil
}

// reached looks whether something answers at the public address of the successor's sequencer. It is asked like a scan, so that any answer will do: an
// ingress that finds the route and a node that is not initialised is what is expected (reference/deployment.md 6).
func (f Facts) reached(ctx context.Context, w steps.World) ([]wire.Finding, error) {
	host := hostOf(f.Addresses.Sequencer)
	one := wire.Finding{ID: "ingress", Next: "Look at the ingress of the new serial. By hand: grpcurl " + host + ":443 grpc.health.v1.Health/Check answers Unavailable, with \"delayed connect error: 111\" where the route is right"}
	err := w.Apps.Scan(ctx, f.Addresses.Sequencer, func(s *svapp.Scan) error { _, err := s.Version(ctx); return err })
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	kind := svapp.KindOf(err)
	switch {
	case kind == svapp.Unreachable || kind == svapp.Timeout || kind == svapp.Untrusted:
		one.Verdict, one.Text = wire.Violated, "nothing answers at "+f.Addresses.Sequencer+": "+plain.Cut(plain.Line(steps.FailureOf("", err).Seen), 160)
		one.Waive = "it is reached from the other SVs all the same"
	case kind == svapp.Ingress || kind == svapp.Malformed || kind == svapp.Elsewhere || kind == svapp.NoEndpoint || kind == svapp.Unavailable || kind == svapp.NotFound || kind == svapp.Cut:
		one.Verdict, one.Text = wire.Attention, "something answers at "+f.Addresses.Sequencer+"; whether it is the successor's sequencer cannot be told before it is initialised"
	default:
		one.Verdict, one.Text = wire.Undetermined, "whether "+f.Addresses.Sequencer+" leads to the successor's sequencer is not seen"
	}
	found := []wire.Finding{one}
	if f.Agreed.Driver == CometBFT {
		host, port, _ := strings.Cut(f.Addresses.Comet, ":")
		found = append(found, wire.Finding{ID: "comet-port", Verdict: wire.Attention, Text: "whether peers reach CometBFT at " + f.Addresses.Comet + " is not looked at from here",
			Next: "Have another SV try it: nc -vz " + host + " " + port})
	}
	return found, nil
}
