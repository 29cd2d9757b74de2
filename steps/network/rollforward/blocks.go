package rollforward

import (
	"maps"
	"slices"
	"strconv"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/releases"
)

// block is what the SV app's values say of one synchronizer (splice-sv-node/templates/sv.yaml of upstream). It has addresses and no secret.
type block struct {
	name      string // current, successor, legacy; domain for the form before 0.6.1; a number for one of additionalLegacy
	sequencer string // address: global-domain-4-sequencer
	publicURL string
	values    map[string]any // the known settings, in the form of synchronizers
}

// known are the settings of a block.
var known = []string{"sequencerAddress", "mediatorAddress", "sequencerPublicUrl", "sequencerPruningConfig", "enableBftSequencer"}

// blocks are all of a release of the SV app, those of synchronizers or the one of domain.
func blocks(t tree) (all []block) {
	add := func(name string, from tree, comet tree) {
		if from.text("sequencerAddress") == "" {
			return
		}
		b := block{name: name, sequencer: from.text("sequencerAddress"), publicURL: from.text("sequencerPublicUrl"), values: map[string]any{}}
		for _, key := range known {
			if from[key] != nil {
				b.values[key] = from[key]
			}
		}
		bft := map[string]any{}
		for _, key := range []string{"enabled", "connectionUri", "externalGovernanceKey"} {
			if comet[key] != nil {
				bft[key] = comet[key]
			}
		}
		if len(bft) > 0 {
			b.values["cometBFT"] = bft
		}
		all = append(all, b)
	}
	add("domain", t.under("domain"), t.under("cometBFT"))
	for _, name := range []string{"current", "successor", "legacy"} {
		add(name, t.under("synchronizers."+name), t.under("synchronizers."+name+".cometBFT"))
	}
	more, _ := t.at("synchronizers.additionalLegacy").([]any)
	for i, x := range more {
		m, _ := x.(map[string]any)
		add(strconv.Itoa(i), m, tree(m).under("cometBFT"))
	}
	return all
}

// blockOf is what the values of the SV app say of the synchronizer of a sequencer.
func blockOf(r releases.Running, sequencer string) (block, bool) {
	t, err := valuesOf(r)
	if err != nil {
		return block{}, false
	}
	all := blocks(t)
	i := slices.IndexFunc(all, func(b block) bool { return b.sequencer == sequencer })
	if i < 0 {
		return block{}, false
	}
	return all[i], true
}

// nextBlock is what the values are to say of the successor: as of the old one, at its own addresses.
func (f Facts) nextBlock(old block) (map[string]any, error) {
	b := maps.Clone(old.values)
	sequencer, err := f.nextName(f.oldName(node.Sequencer))
	if err != nil {
		return nil, err
	}
	mediator, err := f.nextName(f.oldName(node.Mediator))
	if err != nil {
		return nil, err
	}
	b["sequencerAddress"], b["mediatorAddress"], b["sequencerPublicUrl"] = sequencer, mediator, f.Addresses.Sequencer
	bft, _ := b["cometBFT"].(map[string]any)
	if f.Agreed.Driver == CantonBFT {
		b["enableBftSequencer"] = true
		delete(b, "cometBFT")
		return b, nil
	}
	comet, err := f.nextName(f.oldName(node.CometBFT))
	if err != nil {
		return nil, err
	}
	bft = maps.Clone(bft)
	if bft == nil {
		bft = map[string]any{}
	}
	bft["enabled"], bft["connectionUri"] = true, "http://"+comet+"-cometbft-rpc:26657"
	b["cometBFT"] = bft
	delete(b, "enableBftSequencer")
	return b, nil
}

func noBlock(sequencer string) error {
	return &steps.Problem{Tried: "reading the synchronizers in the values of the SV app", Seen: "none of them has the sequencer " + sequencer,
		Next: "Look at synchronizers in the values of its release; where other variables set them, the roll-forward is done by hand"}
}
