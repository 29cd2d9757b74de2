package network

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp/commitment"
)

const (
	// logReserve is how much room is left on the disk of the run folder: the journal, the data snapshot and the dump go there too.
	logReserve = 1 << 30
	// roomEvery is after how many bytes of a file the room is looked at again.
	roomEvery = 32 << 20
	// firstLines are looked at for the time of the oldest line.
	firstLines = 64 << 10
)

// copyLogs copies the logs of the participant's pods, each one that is not there yet. A copy that was begun and not ended is not there.
type copyLogs struct {
	where kube.Where
	of    []node.Component
}

func (c copyLogs) Key() string         { return "copy the participant's logs" }
func (c copyLogs) Effect() wire.Effect { return wire.Observe } // nothing in the cluster changes
func (c copyLogs) Refs() []steps.Ref   { return []steps.Ref{{File: logsFolder + "/"}} }

func (c copyLogs) Show() wire.Preview {
	p := wire.Preview{Title: "copy the logs of the participant's pods, of the running containers and of those before",
		After: "files in the run folder under artifacts/logs, packed with gzip, readable by you only; nothing in the cluster changes"}
	for _, of := range c.of {
		p.Commands = append(p.Commands, fmt.Sprintf("kubectl -n %s logs -l %s --tail=-1 --prefix > participant.log", of.Ref.Namespace, of.Selector),
			fmt.Sprintf("kubectl -n %s logs -l %s --tail=-1 --prefix --previous > participant-previous.log", of.Ref.Namespace, of.Selector))
	}
	return p
}

func (c copyLogs) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	if _, err := c.logs(ctx, h.World); err != nil {
		return nil, err
	}
	room, err := h.World.Files.Room()
	if err == nil && room < 2*logReserve {
		return []wire.Finding{{ID: c.Key(), Verdict: wire.Attention, Text: fmt.Sprintf("the disk of the run folder has %d MiB left", room>>20), Next: "Make room: the data snapshot and the dump go there too"}}, nil
	}
	return []wire.Finding{{ID: c.Key(), Verdict: wire.Holds, Text: "the pods of the participant can be listed"}}, nil
}

func (c copyLogs) Probe(_ context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	index, err := readLogs(w.Files)
	if err != nil {
		return wire.ActionPending, []wire.Evidence{{Source: LogsIndex, Seen: err.Error()}}, nil
	}
	for _, l := range index.Logs {
		if sum, err := textSum(w.Files, logsFolder+"/"+l.File); err != nil || sum != l.SHA256 {
			return wire.ActionPending, []wire.Evidence{{Source: logsFolder + "/" + l.File, Seen: "it is not what was saved"}}, nil
		}
	}
	return wire.ActionDone, []wire.Evidence{{Source: LogsIndex, Seen: fmt.Sprintf("%d logs, whole", len(index.Logs))}}, nil
}

// textSum is the hash of what an artifact that is packed with gzip holds.
func textSum(files steps.FileReader, name string) (string, error) {
	file, err := files.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, text); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// logs are those that there are, without what is in them.
func (c copyLogs) logs(ctx context.Context, w steps.World) ([]savedLog, error) {
	var all []savedLog
	for _, of := range c.of {
		pods, err := w.Kube.Pods(ctx, of.Ref.Namespace, of.Selector)
		if err != nil {
			return nil, err
		}
		for _, pod := range pods {
			if pod.Phase == "Pending" {
				continue
			}
			i := slices.IndexFunc(pod.Containers, func(s kube.ContainerStatus) bool { return s.Name == "participant" })
			if i < 0 {
				i = slices.IndexFunc(pod.Containers, func(s kube.ContainerStatus) bool { return !s.Init })
			}
			if i < 0 {
				continue
			}
			s := pod.Containers[i]
			for _, previous := range []bool{true, false} {
				if previous && s.Restarts == 0 {
					continue
				}
				l := savedLog{Namespace: pod.Namespace, Pod: pod.Name, UID: pod.UID, Node: pod.Node, Container: s.Name, Previous: previous, Started: s.Started}
				l.File = fmt.Sprintf("%s-%s-%d", pod.Name, s.Name, s.Restarts)
				if previous {
					l.File = fmt.Sprintf("%s-%s-%d", pod.Name, s.Name, s.Restarts-1)
				}
				l.File += ".log.gz"
				all = append(all, l)
			}
		}
	}
	return all, nil
}

func (c copyLogs) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	all, err := c.logs(ctx, h.World)
	if err != nil {
		return err
	}
	index, err := partLogs(h.World.Files)
	if err != nil {
		index = logIndex{Version: 1}
	}
	index.Whole, index.Missing = false, nil
	items := make([]wire.Item, len(all))
	for i, l := range all {
		items[i] = wire.Item{Name: l.File, State: "not copied"}
	}
	for i, l := range all {
		if c.there(h.World.Files, index, l) {
			items[i].State, items[i].Done = "copied before", true
			continue
		}
		tell := func(n int64) {
			items[i].State = fmt.Sprintf("%d MiB of text", n>>20)
			report(wire.Progress{Text: "copying the log of " + l.source(), Done: n, Unit: "bytes", Items: slices.Clone(items)})
		}
		tell(0)
		switch err := c.save(ctx, h, &l, tell); {
		case err != nil && l.Previous && kube.KindOf(err) != kube.Unauthorized && ctx.Err() == nil && !errors.As(err, new(*steps.Problem)):
			// The container runtime may have removed it; what runs is what matters.
			index.Missing = append(index.Missing, "the log of "+l.source()+" is not handed out: "+why(err))
			items[i].State, items[i].Done = "not handed out", true
			continue
		case err != nil:
			return err
		}
		items[i].Done = true
		index.Logs = slices.DeleteFunc(index.Logs, func(k savedLog) bool { return k.File == l.File })
		index.Logs = append(index.Logs, l)
		if err := c.write(h, &index); err != nil {
			return err
		}
	}
	index.Whole = true
	return c.write(h, &index)
}

// there says whether a log was copied whole in this run already.
func (c copyLogs) there(files steps.FileReader, index logIndex, l savedLog) bool {
	// A container that has ended since has written more.
	i := slices.IndexFunc(index.Logs, func(k savedLog) bool { return k.File == l.File && k.UID == l.UID && k.Previous == l.Previous })
	if i < 0 {
		return false
	}
	sum, err := textSum(files, logsFolder+"/"+l.File)
	return err == nil && sum == index.Logs[i].SHA256
}

func (c copyLogs) write(h steps.Hands, index *logIndex) error {
	index.Made = h.World.Clock.Now().UTC()
	data, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return err
	}
	return h.Files.Write(LogsIndex, append(data, '\n'))
}

// save copies one log as it is handed out, and fills in what it holds.
func (c copyLogs) save(ctx context.Context, h steps.Hands, l *savedLog, tell func(int64)) error {
	stream, err := h.World.Kube.OpenLog(ctx, l.Namespace, l.Pod, kube.LogOptions{Container: l.Container, Previous: l.Previous})
	if err != nil {
		return err
	}
	defer stream.Close()
	var first bytes.Buffer
	hash := sha256.New()
	err = h.Files.Create(logsFolder+"/"+l.File, func(to io.Writer) error {
		file := &bounded{to: to, files: h.World.Files}
		if err := file.look(); err != nil {
			return err
		}
		packed := gzip.NewWriter(file)
		text := &counted{to: io.MultiWriter(packed, hash), first: &first, tell: tell}
		if _, err := io.Copy(text, stream); err != nil {
			return err
		}
		l.Bytes = text.n
		err := packed.Close()
		l.Packed = file.n
		return err
	})
	if err != nil {
		return err
	}
	l.SHA256, l.Saved = hex.EncodeToString(hash.Sum(nil)), h.World.Clock.Now().UTC()
	l.First = firstTime(ctx, first.Bytes())
	return nil
}

// firstTime is the time that the first lines of a log have; nil where none says its zone.
func firstTime(ctx context.Context, lines []byte) *time.Time {
	r, err := commitment.Scan(ctx, []commitment.Source{{Name: "first lines", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(lines)), nil }}}, commitment.Options{Workers: 1})
	if err != nil || r.Scanned.From == nil {
		return nil
	}
	at := r.Scanned.From.Time()
	return &at
}

// counted tells how much text there was, and keeps the beginning of it.
type counted struct {
	to    io.Writer
	first *bytes.Buffer
	n     int64
	told  int64
	tell  func(int64)
}

func (c *counted) Write(p []byte) (int, error) {
	if room := firstLines - c.first.Len(); room > 0 {
		c.first.Write(p[:min(room, len(p))])
	}
	n, err := c.to.Write(p)
	c.n += int64(n)
	if c.n-c.told >= 4<<20 {
		c.told = c.n
		c.tell(c.n)
	}
	return n, err
}

// bounded writes as long as the disk has room to spare.
type bounded struct {
	to    io.Writer
	files steps.FileReader
	n     int64
	seen  int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.n-b.seen >= roomEvery {
		if err := b.look(); err != nil {
			return 0, err
		}
	}
	n, err := b.to.Write(p)
	b.n += int64(n)
	return n, err
}

func (b *bounded) look() error {
	b.seen = b.n
	room, err := b.files.Room()
	if err == nil && room < logReserve {
		return &steps.Problem{Tried: "copying the participant's logs", Seen: fmt.Sprintf("the disk of the run folder has %d MiB left, and %d MiB are kept for what comes later", room>>20, int64(logReserve)>>20),
			Next: "Make room on it, then try again: logs that are copied stay"}
	}
	return nil
}
