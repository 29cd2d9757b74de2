package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"canton.example/svrescue/steps/engine/journal"
	"canton.example/svrescue/steps/wire"
)

// appends is how many records are written in each way.
const appends = 1000

// journals measures what a durable record of the journal costs beside a bare append and sync of as many bytes to a file in the same
// folder. The two take turns, and which comes first changes, so that a busy disk hits both.
func journals(folder string) error {
	folder, err := os.MkdirTemp(folder, "journal")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "journal.jsonl")
	j, _, err := journal.Open(path)
	if err != nil {
		return err
	}
	defer j.Close()
	raw, err := os.OpenFile(filepath.Join(folder, "raw"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer raw.Close()
	event := wire.Event{At: time.Now().UTC(), Kind: wire.KindResult, Step: "restore/scale-down", Action: "scale deployment/sv-app", Outcome: wire.ActionDone}
	record := func() error { _, err := j.Append(event); return err }
	if err := record(); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	line := []byte(strings.Repeat("x", int(info.Size())))
	bare := func() error {
		if _, err := raw.Write(line); err != nil {
			return err
		}
		return raw.Sync()
	}
	var ours, theirs []float64
	timed := func(to *[]float64, do func() error) error {
		began := time.Now()
		err := do()
		*to = append(*to, ms(time.Since(began)))
		return err
	}
	for i := range appends {
		first, second := func() error { return timed(&ours, record) }, func() error { return timed(&theirs, bare) }
		if i%2 == 1 {
			first, second = second, first
		}
		if err := first(); err != nil {
			return err
		}
		if err := second(); err != nil {
			return err
		}
	}
	fmt.Printf("%-44s %8s %8s\n", fmt.Sprintf("%d records of %d bytes", appends, len(line)), "p50", "p99")
	fmt.Printf("%-44s %8.3f %8.3f ms\n", "journal append, durable", quantile(ours, .5), quantile(ours, .99))
	fmt.Printf("%-44s %8.3f %8.3f ms\n", "  peer: append + fsync", quantile(theirs, .5), quantile(theirs, .99))
	fmt.Printf("%-44s %8.2f %8.2f times\n", "  ratio", quantile(ours, .5)/quantile(theirs, .5), quantile(ours, .99)/quantile(theirs, .99))
	return nil
}
