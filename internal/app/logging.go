package app

import (
	"fmt"
	"io"
	"log/slog"
)

// NewLogger returns a logger that writes to w as the settings say: the levels "debug", "info", "warn" and "error", the
// forms "json" and "text", one record a line. Anything else is a mistake of the caller.
func NewLogger(w io.Writer, level, format string) *slog.Logger {
	options := &slog.HandlerOptions{Level: levelNamed(level), ReplaceAttr: readableDuration}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, options))
	case "text":
		return slog.New(slog.NewTextHandler(w, options))
	default:
		panic(fmt.Sprintf("app: log format %q", format))
	}
}

// levelNamed returns the level with a name that a setting can have.
func levelNamed(name string) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil {
		panic(fmt.Sprintf("app: log level %q", name))
	}
	return level
}

// readableDuration writes times as "1.5s", which the JSON form would write in nanoseconds.
func readableDuration(_ []string, attr slog.Attr) slog.Attr {
	if attr.Value.Kind() == slog.KindDuration {
		attr.Value = slog.StringValue(attr.Value.Duration().String())
	}
	return attr
}
