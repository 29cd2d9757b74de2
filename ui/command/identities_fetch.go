package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/steps/evidence"
	"canton.example/svrescue/steps/triage"
	"github.com/spf13/cobra"
)

func (p *program) identitiesFetchCommand() *cobra.Command {
	reference, rehearse := "", ""
	c := &cobra.Command{Use: "fetch FILE-OR-FOLDER", Short: "Fetch an identities dump from the SV app, and keep it if it is whole and this node's",
		Long: "Asks the SV app for its identities dump and looks whether it is whole and of this node, by its party and its namespace. Only then it\n" +
			"is kept: in FILE, or in a new file in FOLDER, readable by you only. A file that is there is never written over. The node is not\n" +
			"changed. The file holds private keys: move it to where the loss of the cluster does not reach it, and where nobody else reads it.\n\n" +
			"Exit codes: 0 it is kept; 1 failed; 2 the command line or the configuration is wrong; 3 refused: what came is not a whole dump of\n" +
			"this node, or the file is there already; 4 a person's answer is needed and was not yes.",
		Example: "  svrescue identities fetch /mnt/backup/identities\n  svrescue identities fetch id.json --token-from file:/run/svrescue/token",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("%s takes one file or folder; see: %s --help", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.tokenFrom(reference); err != nil {
				return err
			}
			quietLogs(io.Discard)
			from, where, end, err := p.readiness(cmd.Context(), doctorOptions{rehearse: rehearse})
			if err != nil {
				return err
			}
			defer end()
			d := &doctoring{program: p, options: doctorOptions{fetch: args[0], wait: time.Minute}, from: from, where: where}
			return d.fetch(cmd.Context(), triage.Own{})
		}}
	c.Flags().StringVar(&reference, "token-from", "", "where a token for the SV app is: env:NAME, file:/PATH or stdin")
	c.Flags().StringVar(&rehearse, "rehearse", "", "a day on the built-in network instead; svrescue doctor --rehearse list shows them")
	return c
}

// fetch takes an identities dump, once a person has agreed where one is there. own is who the node is, where that was read already.
func (d *doctoring) fetch(ctx context.Context, own triage.Own) error {
	file, err := d.newFile(d.options.fetch, own.Name)
	if err != nil {
		return err
	}
	if d.interactive() {
		yes, err := d.agrees(fmt.Sprintf("Fetch the identities dump of namespace %s, %s, from the SV app into %s?\nIt holds private keys; the node is not changed.", d.from.Namespace, d.where, file))
		if err != nil {
			return err
		}
		if !yes {
			return exit(exitParked, errors.New("nothing was fetched: the answer was not yes"))
		}
	}
	within, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	got, err := evidence.FetchIdentities(within, d.from.Options)
	var refused *evidence.NotKept
	switch {
	case ctx.Err() != nil:
		return exit(exitInterrupted, errors.New("fetching was interrupted, and nothing was kept"))
	case errors.As(err, &refused):
		return exit(exitRefused, fmt.Errorf("what the SV app answered was not kept: %w", err))
	case err != nil:
		return fmt.Errorf("the identities dump could not be fetched: %w", err)
	}
	if err := durable.Folder(filepath.Dir(file)); err != nil {
		return fmt.Errorf("what was fetched was not kept: %w", err)
	}
	if err := durable.NewFile(file, []byte(got.Text.Reveal())); err != nil {
		return fmt.Errorf("what was fetched could not be kept in %s: %w", file, err)
	}
	fmt.Fprintf(d.Err, "svrescue: kept the identities of %s in %s, readable by you only: %s\n  Move a copy of it to where the loss of the cluster does not reach it.\n", got.Party, file, got.Says())
	d.from.Identities = append(d.from.Identities, file)
	return nil
}

// plainName is what a name may hold that becomes a part of a file's.
var plainName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// newFile is the file to write: the one that was named, or a new one in the folder that was named. It must not be there.
func (d *doctoring) newFile(named, sv string) (string, error) {
	file, err := filepath.Abs(named)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() || strings.HasSuffix(named, string(filepath.Separator)) {
		name := "identities"
		if sv = strings.Trim(plainName.ReplaceAllString(sv, "-"), "-."); sv != "" {
			name += "-" + sv
		}
		file = filepath.Join(file, name+"-"+d.Clock.Now().UTC().Format("20060102T150405Z")+".json")
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return "", err
		}
		return "", exit(exitRefused, fmt.Errorf("%s is there already, and a backup is never written over.\n  Name another file, or the folder", file))
	}
	return file, nil
}

// agrees asks a question whose default is No: only a typed yes counts, and the end of input is no answer.
func (d *doctoring) agrees(question string) (bool, error) {
	if _, err := fmt.Fprintf(d.Err, "%s\n[y/N] ", question); err != nil {
		return false, err
	}
	line, err := bufio.NewReader(d.In).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return err == nil && (answer == "y" || answer == "yes"), nil
}
