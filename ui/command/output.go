package command

import (
	"bytes"
	"encoding/json"
	"os"

	"canton.example/svrescue/internal/durable"
	"github.com/mattn/go-isatty"
)

func isTerminal(f *os.File) bool { return f != nil && isatty.IsTerminal(f.Fd()) }

// marshal is a document as it is printed: indented, with a line break at its end, and < > & as they are.
func marshal(value any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(value); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// print writes a result to stdout, or to the file that -o names.
func (p *program) print(data []byte) error {
	if p.flags.output != "" {
		return durable.WriteFile(p.flags.output, data)
	}
	_, err := p.Out.Write(data)
	return err
}

// printDocument prints one JSON document.
func (p *program) printDocument(value any) error {
	data, err := marshal(value)
	if err != nil {
		return err
	}
	return p.print(data)
}

// tell prints one JSON document to stdout, of a command whose -o names something else.
func (p *program) tell(value any) error {
	data, err := marshal(value)
	if err != nil {
		return err
	}
	_, err = p.Out.Write(data)
	return err
}

// json says whether a document is wanted; then everything else goes to stderr.
func (p *program) json() bool { return p.flags.format == "json" }
