package telemetry

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"github.com/spf13/pflag"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Formats of the log.
const (
	FormatJSON    = "json"    // one object per line, for machines
	FormatConsole = "console" // for people
)

// ErrLogOption says that a log option has a value that does not exist.
var ErrLogOption = errors.New("bad log option")

// LogOptions are the flags of the log.
type LogOptions struct {
	Format string
	Level  string
}

// AddFlags declares the flags.
func (o *LogOptions) AddFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.Format, "log-format", FormatJSON, "json or console")
	flags.StringVar(&o.Level, "log-level", "info", "debug, info, warn or error; debug has a line per event")
}

// NewLogger returns a logger that writes to out. Its V(1) is debug.
func NewLogger(options LogOptions, out io.Writer) (logr.Logger, error) {
	level, err := zapcore.ParseLevel(options.Level)
	if err != nil {
		return logr.Logger{}, fmt.Errorf("%w: level %q is not debug, info, warn or error", ErrLogOption, options.Level)
	}
	config := zap.NewProductionEncoderConfig()
	config.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	config.EncodeDuration = zapcore.StringDurationEncoder
	var encoder zapcore.Encoder
	switch options.Format {
	case FormatJSON:
		encoder = zapcore.NewJSONEncoder(config)
	case FormatConsole:
		config.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		config.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(config)
	default:
		return logr.Logger{}, fmt.Errorf("%w: format %q is not json or console", ErrLogOption, options.Format)
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(out)), level)
	return zapr.NewLogger(zap.New(core)), nil
}
