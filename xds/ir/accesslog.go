package ir

import "time"

// AccessLog is what the user says about the access log of a gateway.
type AccessLog struct {
	Off bool
	// Text or Fields, those of a JSON object, are the format of a line (xds/ir/logformat). With neither, lines have the product's.
	Text   string
	Fields map[string]string
	Filter *LogFilter // nil: everything is logged
}

// LogFilter has reasons to log, of which one is enough. Nil is none.
type LogFilter struct {
	MinStatus    *uint32 // requests answered so or higher, or not at all; connections that failed
	MinDuration  *time.Duration
	SamplingRate *uint32 // percent of everything
}
