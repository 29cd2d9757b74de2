package command

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/evidence"
	"canton.example/svrescue/steps/rehearsal"
	"canton.example/svrescue/steps/wire"
)

// incidentSpeed is how fast the world of an incident runs: what crashes has to crash a few times before it is looked at, and a chain is
// watched for half a minute.
const incidentSpeed = 20

// incidentWorld is the world of an incident, in this process. end stops it and removes its files, which lie in folder.
type incidentWorld struct {
	folder string
	end    func()
}

// incident serves the world of an incident, lets happen what happens, and points the options at it.
func (p *program) incident(ctx context.Context, incident rehearsal.Incident, o *evidence.Options) (incidentWorld, error) {
	folder, err := os.MkdirTemp("", "svrescue-incident-") // 0700
	if err != nil {
		return incidentWorld{}, err
	}
	token, err := randomText(24)
	if err != nil {
		return incidentWorld{}, errors.Join(err, os.RemoveAll(folder))
	}
	began := p.Clock.Now()
	spec := runs.Spec{World: wire.Simulated, Origin: began, SimOrigin: began.Truncate(time.Second), Speed: incidentSpeed, Kubeconfig: filepath.Join(folder, rehearsal.Kubeconfig)}
	clk := clockOf(spec, p.Clock)
	serving, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- rehearsal.Serve(serving, incident.Scenario, clk, p.Clock, 1, token, folder) }()
	world := incidentWorld{folder: folder, end: func() {
		stop()
		<-ended
		os.RemoveAll(folder) // what stays is a folder of a world that is gone
	}}
	if err := p.develop(ctx, incident, spec, folder, ended, o); err != nil {
		world.end()
		return incidentWorld{}, err
	}
	o.Clock, o.Context = clk, "rehearsal"
	o.Dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("a rehearsal has no way out")
	}
	o.Out.Getenv, o.Out.Dial = nil, o.Dial
	return world, nil
}

// develop waits until the world answers, and lets the incident happen.
func (p *program) develop(ctx context.Context, incident rehearsal.Incident, spec runs.Spec, folder string, ended chan error, o *evidence.Options) error {
	for {
		address, err := rehearsal.ReadAddress(folder)
		if err == nil && rehearsal.Alive(ctx, address) {
			break
		}
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("the rehearsal network ended: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-p.Clock.After(startLook):
		}
	}
	clk := clockOf(spec, p.Clock)
	cluster, err := connect(spec, clk)
	if err != nil {
		return err
	}
	o.Cluster, o.Namespace = cluster, cluster.Target().Namespace
	if incident.Happens != nil {
		if err := incident.Happens(ctx, rehearsal.Elsewhere{Cluster: cluster, Namespace: o.Namespace}); err != nil {
			return fmt.Errorf("the incident could not be made to happen: %w", err)
		}
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-clk.After(cmp.Or(incident.Settles, rehearsal.Develops)):
		return nil
	}
}

// incidentLine is an incident in a document.
type incidentLine struct {
	ID     string   `json:"id"`
	Title  string   `json:"title"`
	Faults []string `json:"faults"`
}

func incidentLines() (lines []incidentLine) {
	for _, i := range rehearsal.Incidents() {
		lines = append(lines, incidentLine{ID: i.ID, Title: i.Title, Faults: append([]string{}, i.Faults...)})
	}
	return lines
}

func (p *program) listIncidents() error {
	if p.json() {
		return p.printDocument(struct {
			Version   int            `json:"version"`
			Incidents []incidentLine `json:"incidents"`
		}{1, incidentLines()})
	}
	var b bytes.Buffer
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "INCIDENT\tTITLE\tTEACHES")
	for _, i := range rehearsal.Incidents() {
		fmt.Fprintf(table, "%s\t%s\t%s\n", i.ID, i.Title, i.Teaches)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return p.print(b.Bytes())
}
