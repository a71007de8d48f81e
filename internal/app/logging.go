package app

import (
	"fmt"
	"io"
	"log/slog"
)

// NewLogger returns a logger that writes to w as the settings say: the levels "debug", "info", "warn" and "error", the
// forms "json" and "text", one record a line. Anything else is a mistake of the caller.
func NewLogger(w io.Writer, level, format string) *slog.Logger {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		panic(fmt.Sprintf("app: log level %q", level))
	}
	options := &slog.HandlerOptions{Level: least, ReplaceAttr: readableDuration}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, options))
	case "text":
		return slog.New(slog.NewTextHandler(w, options))
	default:
		panic(fmt.Sprintf("app: log format %q", format))
	}
}

// readableDuration writes times as "1.5s", which the JSON form would write in nanoseconds.
func readableDuration(_ []string, attr slog.Attr) slog.Attr {
	if attr.Value.Kind() == slog.KindDuration {
		attr.Value = slog.StringValue(attr.Value.Duration().String())
	}
	return attr
}
