// Package config reads svrescue.yaml. Unknown keys are errors; every value can be overridden by SVRESCUE_NAME in the
// environment, and by a flag, which the commands apply. It holds no secret.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// Config is the file's content.
type Config struct {
	Kubeconfig string `json:"kubeconfig"` // SVRESCUE_KUBECONFIG
	Context    string `json:"context"`    // SVRESCUE_CONTEXT
	Namespace  string `json:"namespace"`  // SVRESCUE_NAMESPACE
	RunDir     string `json:"runDir"`     // SVRESCUE_RUN_DIR
	Operator   string `json:"operator"`   // SVRESCUE_OPERATOR: who signs answers and notes
}

// Load reads the file at path; an empty path means the default place, where a missing file is fine.
func Load(path string, env func(string) string) (Config, error) {
	named := path != ""
	if !named {
		path = env("SVRESCUE_CONFIG")
		named = path != ""
	}
	if !named {
		folder := env("XDG_CONFIG_HOME")
		if folder == "" && env("HOME") != "" {
			folder = filepath.Join(env("HOME"), ".config")
		}
		if folder != "" {
			path = filepath.Join(folder, "svrescue", "svrescue.yaml")
		}
	}
	var c Config
	if path != "" {
		data, err := os.ReadFile(path)
		switch {
		case err == nil:
			if c, err = Parse(data); err != nil {
				return c, fmt.Errorf("the configuration %s is not right: %w", path, err)
			}
		case !errors.Is(err, fs.ErrNotExist) || named:
			return c, fmt.Errorf("reading the configuration: %w", err)
		}
	}
	for name, value := range map[string]*string{
		"SVRESCUE_KUBECONFIG": &c.Kubeconfig, "SVRESCUE_CONTEXT": &c.Context, "SVRESCUE_NAMESPACE": &c.Namespace,
		"SVRESCUE_RUN_DIR": &c.RunDir, "SVRESCUE_OPERATOR": &c.Operator,
	} {
		if said := env(name); said != "" {
			*value = said
		}
	}
	return c, nil
}

var unknownKey = regexp.MustCompile(`unknown field "([^"]+)"`)

// Parse reads the text of a configuration.
func Parse(data []byte) (Config, error) {
	var c Config
	if err := yaml.UnmarshalStrict(data, &c); err != nil {
		if m := unknownKey.FindStringSubmatch(err.Error()); m != nil {
			return c, fmt.Errorf("it has an unknown key %q; the keys are kubeconfig, context, namespace, runDir, operator", m[1])
		}
		text := err.Error()
		for _, noise := range []string{"error unmarshaling JSON: ", "error converting YAML to JSON: ", "while decoding JSON: ", "json: "} {
			text = strings.TrimPrefix(text, noise)
		}
		return c, errors.New(text)
	}
	return c, nil
}
