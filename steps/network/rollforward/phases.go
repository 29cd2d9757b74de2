package rollforward

import (
	"context"
	"strings"

	"canton.example/svrescue/steps"
)

// phase is what the SV app logs on its way, in its order: the messages of RollForwardLsuInitializer.scala and LsuNodeInitializer.scala of upstream
// (24d6320e, e4a5ca25). They are no interface, and another release may have other ones.
type phase struct {
	says string
	any  []string // one of these is in a line
}

var phases = []phase{
	{"it has the export times", []string{"Using export timestamps from"}},
	{"the old synchronizer's state is exported, the successor is initialised", []string{"Initializing sequencer and mediators from the data of the old nodes", "Sequencer and mediator are already initialized"}},
	{"the sequencer is initialised", []string{"Initializing sequencer from predecessor", "Sequencer is already initialized", "Sequencer and mediator are already initialized"}},
	{"the mediator is initialised", []string{"Initializing mediator", "Mediator is already initialized", "Sequencer and mediator are already initialized"}},
	{"the participant is moved", []string{"initiating manual LSU", "Participant already migrated"}},
	{"the participant is on the successor", []string{moved, "Participant already migrated"}},
}

const (
	moved     = "Manual LSU completed"
	pastIndex = "Synchronizer index is past upgrade time"
	notYetAt  = "Synchronizer index is not yet at upgrade time"

	seenPast = "the participant is past the upgrade time that it is told, and refuses to move"
)

// trouble is what the SV app or its participant logs where it does not go on by itself, and what to do.
var trouble = []struct{ text, seen, next string }{
	{pastIndex, seenPast, "Canton's notes say to repeat it without an upgrade time: take " + upgradeTimeValue + " out of the values of the SV app, upgrade that release, and look again. Tell the call"},
	{"Legacy node must be set for roll-forward LSU", "the SV app has no legacy synchronizer, and rolls forward from that one only", "Put the old synchronizer into synchronizers.legacy and the successor into synchronizers.current"},
	{"Domain migration dump path must be set for LSU", "the SV app does not know where to write its exports", "Look at " + ExportVariable + " of its Deployment"},
	{"Expected exactly one LSU announcement", "the SV app looks for the announced upgrade and does not find exactly one", "Give it rollForwardLsu.exportTimes, which the situation of a broken synchronizer needs"},
}

// progressed is what the log of the SV app says.
type progressed struct {
	phases  []bool // as phases
	trouble int    // index of the last one that was logged after all progress; -1: none
	waiting bool   // the participant waits for a time
}

func (l listened) progress(ctx context.Context, w steps.World) (progressed, error) {
	p := progressed{phases: make([]bool, len(phases)), trouble: -1}
	err := l.lines(ctx, w, timeZero, func(line string) bool {
		p.read(line)
		return false
	})
	return p, err
}

// read takes one line.
func (p *progressed) read(line string) {
	for i, ph := range phases {
		for _, text := range ph.any {
			if !strings.Contains(line, text) {
				continue
			}
			p.phases[i], p.waiting = true, false
			if i == len(phases)-1 {
				p.trouble = -1
			}
		}
	}
	for i, t := range trouble {
		if strings.Contains(line, t.text) {
			p.trouble = i
		}
	}
	if strings.Contains(line, notYetAt) {
		p.waiting = true
	}
}

// moving says that the SV app has begun to move its participant.
func (p progressed) moving() bool { return p.phases[len(phases)-2] || p.moved() }

// moved says that the participant is on the successor.
func (p progressed) moved() bool { return p.phases[len(phases)-1] }
