package main

import (
	"io"
	"log/slog"
)

// newLog writes JSON lines with the keys of Canton's log encoder.
func newLog(w io.Writer, role string) *slog.Logger {
	h := slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) > 0 {
			return a
		}
		switch a.Key {
		case slog.TimeKey:
			a.Key = "@timestamp"
		case slog.MessageKey:
			a.Key = "message"
		}
		return a
	}})
	return slog.New(h).With("logger_name", "standin."+role, "thread_name", "main")
}
