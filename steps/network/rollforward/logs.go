package rollforward

import (
	"bufio"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
)

// listened is a component whose log is read. It is journaled with the plan.
type listened struct {
	Part      node.Part        `json:"part"`
	Of        kube.WorkloadRef `json:"of"`
	Selector  string           `json:"selector"`
	Container string           `json:"container"`
}

func listenTo(c node.Component) listened {
	return listened{Part: c.Part, Of: c.Ref, Selector: c.Selector, Container: string(c.Part)}
}

// maxLine is how much of a line of a log is looked at: what is looked for stands near its beginning.
const maxLine = 64 << 10

// lines hands each line of the logs of a component's pods to see, of the running containers and not older than since, until see has seen enough.
func (l listened) lines(ctx context.Context, w steps.World, since time.Time, see func(line string) (enough bool)) error {
	pods, err := w.Kube.Pods(ctx, l.Of.Namespace, l.Selector)
	if err != nil {
		return err
	}
	for _, pod := range pods {
		started := slices.ContainsFunc(pod.Containers, func(c kube.ContainerStatus) bool { return c.Name == l.Container && c.Started != nil })
		if !started {
			continue
		}
		log, err := w.Kube.OpenLog(ctx, pod.Namespace, pod.Name, kube.LogOptions{Container: l.Container, Since: since})
		if err != nil {
			return err
		}
		enough, err := eachLine(log, see)
		log.Close()
		if err != nil || enough {
			return err
		}
	}
	return nil
}

// eachLine cuts lines that are too long.
func eachLine(from io.Reader, see func(string) bool) (enough bool, err error) {
	r := bufio.NewReaderSize(from, maxLine)
	for {
		line, rest, err := r.ReadLine()
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		enough := see(string(line))
		for rest && err == nil {
			_, rest, err = r.ReadLine()
		}
		if enough || err != nil && err != io.EOF {
			return enough, err
		}
	}
}

// has says whether a log has a text in a line that is not older than since.
func (l listened) has(ctx context.Context, w steps.World, since time.Time, text string) (bool, error) {
	found := false
	err := l.lines(ctx, w, since, func(line string) bool {
		found = strings.Contains(line, text)
		return found
	})
	return found, err
}
