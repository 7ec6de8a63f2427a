package config

// Log is what is written to standard error.
type Log struct {
	Level  string // debug, info, warn or error
	Format LogFormat
}

// LogFormat is how a line is written.
type LogFormat string

// The formats.
const (
	LogAuto    LogFormat = "auto" // as standard error calls for: the journal, text for a terminal, else JSON
	LogText    LogFormat = "text"
	LogJSON    LogFormat = "json"
	LogJournal LogFormat = "journal" // fields of their own, in systemd's journal
)

func logKeys(l *Log) []key {
	return []key{
		entry("level", oneOf(&l.Level, "debug", "info", "warn", "error"), "the least important line that is written"),
		entry("format", oneOf(&l.Format, LogAuto, LogText, LogJSON, LogJournal), "how it is written; auto looks at where standard error goes"),
	}
}
