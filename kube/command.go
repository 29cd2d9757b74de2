package kube

import (
	"regexp"
	"strings"
)

// Where is what a command line needs to reach the same cluster.
type Where struct {
	Kubeconfig string `json:"kubeconfig,omitempty"`
	Context    string `json:"context,omitempty"`
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// quote makes one word for a POSIX shell.
func quote(s string) string {
	if plainWord.MatchString(s) && !strings.HasPrefix(s, "=") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// kubectl joins a line; empty words are left out, so that optional flags can be written as "".
func (w Where) kubectl(ns string, words ...string) string {
	line := []string{"kubectl"}
	flag := func(name, value string) {
		if value != "" {
			line = append(line, name, quote(value))
		}
	}
	flag("--kubeconfig", w.Kubeconfig)
	flag("--context", w.Context)
	flag("-n", ns)
	for _, x := range words {
		if x != "" {
			line = append(line, quote(x))
		}
	}
	return strings.Join(line, " ")
}

// heredoc feeds text to a command. The mark is one that no line of the text is.
func heredoc(command, text string) string {
	mark := "EOF"
	for strings.Contains("\n"+text+"\n", "\n"+mark+"\n") {
		mark += "F"
	}
	return command + " <<'" + mark + "'\n" + strings.TrimRight(text, "\n") + "\n" + mark
}
