package commitment

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// network makes up the logs of super validators that commit to each other tick by tick, and knows what the logs say.
type network struct {
	names  []string // of the SVs
	prints map[string]string
	tick   time.Duration
	begin  time.Time
	ticks  int
	// silent says that observer logs nothing about sender at a tick: it was down, or had not come so far. wrong, that it found a mismatch.
	silent, wrong func(observer, sender string, tick int) bool
}

func newNetwork(r *rand.Rand, svs, ticks int, tick time.Duration) *network {
	n := &network{prints: map[string]string{}, tick: tick, ticks: ticks, begin: time.Date(2026, 1, 11, 8, 0, 0, 0, time.UTC)}
	for i := range svs {
		name := fmt.Sprintf("%s-SV-%d", []string{"Alpha", "Beta", "Gamma", "Delta", "Echo"}[i%5], i)
		n.names = append(n.names, name)
		n.prints[name] = fmt.Sprintf("1220%016x%016x%016x%016x", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
	}
	no := func(string, string, int) bool { return false }
	n.silent, n.wrong = no, no
	return n
}

// period of a tick; the first is 1.
func (n *network) period(tick int) (from, to time.Time) {
	to = n.begin.Add(time.Duration(tick) * n.tick)
	return to.Add(-n.tick), to
}

func periodText(from, to time.Time) string {
	return fmt.Sprintf("CommitmentPeriod(fromExclusive = %s, toInclusive = %s)", InstantOf(from), InstantOf(to))
}

// report is what a scan of the observer's log must answer.
func (n *network) report(observer string) Report {
	r := Report{Version: 1, Reporter: observer, Participant: observer + "::" + n.prints[observer], Agreements: []Entry{}, Mismatches: []Entry{}, Warnings: []string{}}
	for tick := 1; tick <= n.ticks; tick++ {
		from, to := n.period(tick)
		for _, sender := range n.names {
			e := Entry{sender + "::" + n.prints[sender][:12], InstantOf(from), InstantOf(to)}
			switch {
			case sender == observer || n.silent(observer, sender, tick):
			case n.wrong(observer, sender, tick):
				r.Mismatches = append(r.Mismatches, e)
			default:
				r.Agreements = append(r.Agreements, e)
			}
		}
	}
	slices.SortFunc(r.Agreements, byTime)
	slices.SortFunc(r.Mismatches, byTime)
	return r
}

// said is an entry of a log: when, at which level, what, and what goes with a mismatch.
type said struct {
	at             time.Time
	level, message string
	context        [][2]string
}

// entries are the observer's, in order: noise, decoys, agreements, some of them twice, and mismatches.
func (n *network) entries(r *rand.Rand, observer string) (all []said) {
	for tick := 1; tick <= n.ticks; tick++ {
		from, to := n.period(tick)
		p := periodText(from, to)
		at := to
		say := func(level, message string, context ...[2]string) {
			at = at.Add(time.Duration(r.IntN(400)+1) * time.Millisecond)
			all = append(all, said{at, level, message, context})
		}
		say("INFO", "Deleted buffered commitments and set last computed and sent timestamp set to "+InstantOf(to).String())
		for _, sender := range n.names {
			if sender == observer || n.silent(observer, sender, tick) {
				continue
			}
			short := "PAR::" + sender + "::" + n.prints[sender][:12] + "..."
			for range r.IntN(3) {
				say("DEBUG", fmt.Sprintf("Storing contracts %x \"quoted\" C:\\temp\tand more", r.Uint64()))
			}
			say("INFO", "Checking commitment (purportedly by) "+short+" for period "+p)
			if n.wrong(observer, sender, tick) {
				say("WARN", "ACS_COMMITMENT_MISMATCH(5,e37a6a5b): The local commitment does not match the remote commitment",
					[2]string{"local", "Vector((" + periodText(from.Add(-n.tick), from) + ", SHA-256:cfd7fd917fb9...), (" + p + ", SHA-256:cfd7fd917fb9...))"},
					[2]string{"remote", "AcsCommitment(\n  synchronizerId = global-domain::1220dd..,\n  sender = " + short + ",\n  counterParticipant = PAR::" + observer +
						"::1220aa00...,\n  period = " + p + ",\n  commitment = SHA-256:e2c0cf0361cb...\n)"})
				continue
			}
			say("INFO", "Commitment correct for sender "+short+" and period "+p)
			if r.IntN(4) == 0 {
				say("INFO", "Commitment correct for sender "+short+" and period "+p)
			}
		}
		if r.IntN(3) == 0 {
			say("INFO", "Buffering AcsCommitment(\n  sender = PAR::"+n.names[0]+"::1220ec00...,\n  period = "+p+"\n) for later processing")
			say("DEBUG", "Period "+p+" is a catch-up period false with nothing")
		}
	}
	return all
}

// wrapping turns an entry into the physical lines of a log, each with its line break.
type wrapping func(r *rand.Rand, e said) []string

func inJSON(_ *rand.Rand, e said) []string {
	o := map[string]string{"@timestamp": e.at.Format("2006-01-02T15:04:05.000Z"), "message": e.message, "level": e.level,
		"logger_name": "c.d.c.p.p.AcsCommitmentProcessor:participant=participant/psid=global-domain", "thread_name": "canton-env-ec-41"}
	for _, c := range e.context {
		o[c[0]] = c[1]
	}
	return []string{marshalled(o) + "\n"}
}

func inText(_ *rand.Rand, e said) []string {
	text := fmt.Sprintf("%s [canton-env-ec-9] %-5s c.d.c.p.p.AcsCommitmentProcessor:participant=participant/psid=global-domain tid:9d2c7be1 - %s",
		e.at.Format("2006-01-02 15:04:05,000"), e.level, e.message)
	for i, c := range e.context {
		text += []string{" err-context:{", ", "}[min(i, 1)] + c[0] + "=" + c[1]
	}
	if len(e.context) > 0 {
		text += "}"
	}
	return strings.SplitAfter(text+"\n", "\n")[:strings.Count(text, "\n")+1]
}

// inDocker wraps what another wrapping makes, and splits long lines.
func inDocker(inner wrapping) wrapping {
	return func(r *rand.Rand, e said) (all []string) {
		for _, line := range inner(r, e) {
			for _, part := range pieces(r, line) {
				all = append(all, marshalled(struct {
					Log    string `json:"log"`
					Stream string `json:"stream"`
					Time   string `json:"time"`
				}{part, "stdout", e.at.Format("2006-01-02T15:04:05.000000000Z")})+"\n")
			}
		}
		return all
	}
}

func inCRI(inner wrapping) wrapping {
	return func(r *rand.Rand, e said) (all []string) {
		for _, line := range inner(r, e) {
			parts := pieces(r, strings.TrimSuffix(line, "\n"))
			for i, part := range parts {
				flag := "P"
				if i == len(parts)-1 {
					flag = "F"
				}
				all = append(all, e.at.Format("2006-01-02T15:04:05.000000000Z")+" stdout "+flag+" "+part+"\n")
			}
		}
		return all
	}
}

// pieces cuts some lines, but never inside a rune.
func pieces(r *rand.Rand, line string) []string {
	if r.IntN(5) > 0 || len(line) < 10 {
		return []string{line}
	}
	a := 1 + r.IntN(len(line)-2)
	b := a + r.IntN(len(line)-a)
	if a == b || b >= len(line)-1 {
		return []string{line[:a], line[a:]}
	}
	return []string{line[:a], line[a:b], line[b:]}
}

// inExport is a collector's: one object for each line of the log, with the text under key.
func inExport(key string, inner wrapping) wrapping {
	return func(r *rand.Rand, e said) (all []string) {
		for _, line := range inner(r, e) {
			line = strings.TrimSuffix(line, "\n")
			var o any = map[string]any{key: line, "timestamp": e.at.Format(time.RFC3339Nano), "severity": e.level}
			if key == "jsonPayload.message" {
				o = map[string]any{"jsonPayload": map[string]string{"message": line}, "insertId": "x1"}
			}
			all = append(all, marshalled(o)+"\n")
		}
		return all
	}
}

var wrappings = []wrapping{inJSON, inText, inDocker(inJSON), inDocker(inText), inCRI(inJSON), inCRI(inText),
	inExport("message", inText), inExport("line", inJSON), inExport("jsonPayload.message", inText), inCRI(inExport("line", inText))}

// log is the observer's in these wrappings, one chosen for each entry.
func (n *network) log(r *rand.Rand, observer string, of ...wrapping) string {
	var b strings.Builder
	for _, e := range n.entries(r, observer) {
		for _, line := range of[r.IntN(len(of))](r, e) {
			if r.IntN(9) == 0 {
				line = strings.TrimSuffix(line, "\n") + "\r\n"
			}
			b.WriteString(line)
		}
	}
	return b.String()
}

func marshalled(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
