package command

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/svapp/dump"
	"canton.example/svrescue/ui/theme"
	"github.com/spf13/cobra"
)

// identitiesDocument is what `identities check --format json` prints.
type identitiesDocument struct {
	Version     int                    `json:"version"`
	Shape       dump.Shape             `json:"shape"`
	Party       string                 `json:"party,omitempty"` // of the SV; a participant's dump alone names none
	Participant *identitiesParticipant `json:"participant"`     // null: there is none
	Findings    []dump.Finding         `json:"findings"`
}

type identitiesParticipant struct {
	ID      string `json:"id"`
	Keys    int    `json:"keys"`     // private keys that are in the dump
	KMSKeys int    `json:"kms_keys"` // keys that a KMS holds
}

// extractDocument is what `identities extract --format json` prints.
type extractDocument struct {
	Version     int                    `json:"version"`
	Output      string                 `json:"output"`
	Bytes       int                    `json:"bytes"`
	SHA256      string                 `json:"sha256"`
	Participant *identitiesParticipant `json:"participant"`
}

func (p *program) identitiesCommand() *cobra.Command {
	c := &cobra.Command{Use: "identities", Short: "Fetch identities backups, look into them, and take the participant's part out of one",
		Long: "Works with identities backups. Such files hold the private keys of a node: nothing of a key is ever shown. To look into one, no\n" +
			"cluster is needed.\n\nExit codes: those of its commands.",
		Example: "  svrescue identities fetch /backups\n  svrescue identities check /backups/identities.json\n  svrescue identities extract /backups/identities.json -o dump_identities.json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			return usage("name a command: svrescue identities fetch FILE-OR-FOLDER, svrescue identities check FILE, or svrescue identities extract FILE -o FILE")
		},
	}
	c.AddCommand(p.identitiesFetchCommand(), p.identitiesCheckCommand(), p.identitiesExtractCommand())
	return c
}

// private is the finding that nobody else can read the file.
const private = "private"

const allowReadable = "take a file that others on this machine can read"

func (p *program) identitiesCheckCommand() *cobra.Command {
	readable := false
	c := &cobra.Command{Use: "check FILE", Short: "Say what an identities backup is, whose, and whether a participant comes up from it",
		Long: "Recognises the answer of the SV app, the same without its wrapper, the dump of a participant alone, and a migration dump, by their\n" +
			"shape and not by their names. Says whose it is, how many keys are in it and how many a KMS holds, and whether the private key of\n" +
			"the participant's namespace is among them and is the right one. It does not know whether this is the node you have lost: compare\n" +
			"participant and party with what the network knows. FILE may be - for standard input.\n\n" +
			"Exit codes: 0 nothing speaks against it; 2 FILE does not exist, or the command line is wrong; 3 it is no such dump, it is not\n" +
			"whole, it cannot be used, or others on this machine can read it.",
		Example: "  svrescue identities check /backups/identities.json\n  svrescue identities check --format json identities.json | jq .participant",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("identities check takes one file; see: svrescue identities check --help")
			}
			return p.checkIdentities(args[0], readable)
		},
	}
	c.Flags().BoolVar(&readable, "allow-readable", false, allowReadable)
	return c
}

func (p *program) identitiesExtractCommand() *cobra.Command {
	readable := false
	c := &cobra.Command{Use: "extract FILE -o FILE", Short: "Write the participant's dump out of an identities backup",
		Long: "Writes the dump of the participant alone, which is what a standalone validator is started from, out of an identities backup of any\n" +
			"shape that holds one. Its bytes are not changed. The file is readable by you alone, appears when it is whole, and replaces none\n" +
			"that says something else. Where there is no participant in it, nothing is written.\n\n" +
			"Exit codes: 0 written; 2 FILE does not exist, or the command line is wrong; 3 refused: it holds no participant's dump that can be\n" +
			"used, others on this machine can read it, or the file to write exists and is another.",
		Example: "  svrescue identities extract /backups/identities.json -o dump_identities.json",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("identities extract takes one file; see: svrescue identities extract --help")
			}
			if p.flags.output == "" || p.flags.output == "-" {
				return usage("name the file to write with -o: private keys are not written to a screen")
			}
			return p.extractIdentities(args[0], readable)
		},
	}
	c.Flags().BoolVar(&readable, "allow-readable", false, allowReadable)
	return c
}

// identitiesFile is an open file, and whether others can read it. name is "standard input" for that.
func (p *program) identitiesFile(path string) (file *os.File, name string, open bool, err error) {
	if path == "-" {
		return p.In, "standard input", false, nil
	}
	name = plain.Line(path)
	file, err = os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, name, false, usage("there is no %s", name)
	}
	if err != nil {
		return nil, name, false, err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = usage("%s is a folder: name one file", name)
	}
	if err != nil {
		file.Close()
		return nil, name, false, err
	}
	return file, name, info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0, nil
}

func (p *program) checkIdentities(path string, readable bool) error {
	file, name, open, err := p.identitiesFile(path)
	if err != nil {
		return err
	}
	defer file.Close()
	identities, err := dump.Read(file)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", name, err)
	}
	found := identities.Check()
	if open && identities.Shape != dump.Unknown {
		f := dump.Finding{ID: private, Verdict: dump.Violated, Detail: "Others on this machine can read it, and may have the keys by now."}
		if readable {
			f.Verdict, f.Detail = dump.NotDetermined, "Others on this machine can read it, and you said that this is known."
		}
		found = append(found, f)
	}
	if p.json() {
		err = p.printDocument(identitiesDocument{Version: 1, Shape: identities.Shape, Party: identities.Party, Participant: participantOf(identities), Findings: found})
	} else {
		err = p.print(p.identitiesText(name, identities, found))
	}
	if err == nil && dump.Overall(found) == dump.Violated {
		return told(exitRefused)
	}
	return err
}

func protect(name string) string { return "chmod 600 " + name }

func participantOf(i dump.Identities) *identitiesParticipant {
	if i.Participant == nil {
		return nil
	}
	pairs, kms := i.Participant.Counts()
	return &identitiesParticipant{ID: i.Participant.ID, Keys: pairs, KMSKeys: kms}
}

// identitiesText is what a person reads, in 80 columns.
func (p *program) identitiesText(name string, i dump.Identities, found []dump.Finding) []byte {
	var b bytes.Buffer
	shown := theme.New(p.theme)
	put := func(indent int, text string) {
		for _, line := range shown.Wrap(plain.Line(text), 80-indent) {
			fmt.Fprintf(&b, "%s%s\n", strings.Repeat(" ", indent), line)
		}
	}
	put(0, name)
	if n := i.Participant; n != nil {
		for _, known := range []struct{ what, is string }{{"participant", n.ID}, {"party", i.Party}, {"network", i.DSO}, {"written by", n.Version}} {
			if known.is == "" {
				continue
			}
			for at, line := range shown.Wrap(known.is, 80-15) {
				if at > 0 {
					known.what = ""
				}
				fmt.Fprintf(&b, "  %-11s  %s\n", known.what, line)
			}
		}
	}
	b.WriteString("\n")
	p.putFindings(&b, found)
	if last := found[len(found)-1]; last.ID == private && last.Verdict == dump.Violated {
		fmt.Fprintf(&b, "Next: %s\n", protect(name))
	}
	return b.Bytes()
}

func (p *program) extractIdentities(path string, readable bool) error {
	file, name, open, err := p.identitiesFile(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if open && !readable {
		return exit(exitRefused, fmt.Errorf("%s: others on this machine can read it, so somebody else may have the keys.\n  Next: %s, or say --allow-readable", name, protect(name)))
	}
	from, end, err := again(file)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", name, err)
	}
	defer end()
	identities, err := dump.Read(from)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", name, err)
	}
	for _, f := range identities.Check() {
		if f.Verdict == dump.Violated {
			return exit(exitRefused, fmt.Errorf("%s: nothing was written. %s\n  Next: look for another backup; svrescue identities check FILE says all that is known of one", name, f.Detail))
		}
	}
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return err
	}
	participant, err := dump.Extract(from, identities.Shape)
	if err != nil {
		return exit(exitRefused, fmt.Errorf("%s: nothing was written: %w", name, err))
	}
	defer clear(participant)
	if err := p.writeNew(participant); err != nil {
		return err
	}
	sum := sha256.Sum256(participant)
	document := extractDocument{Version: 1, Output: p.flags.output, Bytes: len(participant), SHA256: hex.EncodeToString(sum[:]), Participant: participantOf(identities)}
	if p.json() {
		return p.tell(document)
	}
	_, err = fmt.Fprintf(p.Out, "%s: %d bytes, the dump of %s. It holds what the node is: keep it where only you can read it.\n", plain.Line(p.flags.output), document.Bytes,
		document.Participant.ID)
	return err
}

// writeNew writes the file that -o names, readable by its owner only, unless there is another already.
func (p *program) writeNew(data []byte) error {
	name := plain.Line(p.flags.output)
	there, err := os.ReadFile(p.flags.output)
	same := bytes.Equal(there, data)
	clear(there)
	switch {
	case err == nil && !same:
		return exit(exitRefused, fmt.Errorf("%s exists and is another file; nothing was written.\n  Next: name another with -o", name))
	case errors.Is(err, fs.ErrNotExist):
		return durable.NewFile(p.flags.output, data)
	case err != nil:
		return err
	}
	return durable.WriteFile(p.flags.output, data) // the same again, and from now on readable by its owner only
}

// maxIdentities is how many bytes of standard input are kept; a file is read twice instead.
const maxIdentities = 64 << 20

// again makes a file readable twice. What comes through a pipe is kept in memory until end.
func again(file *os.File) (from io.ReadSeeker, end func(), err error) {
	if _, err := file.Seek(0, io.SeekCurrent); err == nil {
		return file, func() {}, nil
	}
	data, err := io.ReadAll(io.LimitReader(file, maxIdentities+1))
	if err == nil && len(data) > maxIdentities {
		err = errors.New("it has more than 64 MiB; name it as a file")
	}
	return bytes.NewReader(data), func() { clear(data) }, err
}
