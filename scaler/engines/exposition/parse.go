package exposition

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Bounds of a text, and of the part of it that is parsed. Engines say some 10 to 100 KiB; a line is as long as the labels of
// its series.
const (
	MaxBytes  = 1 << 20
	maxLine   = 64 << 10
	MaxSeries = 512
	maxParsed = 128 << 10
)

// parse returns the families of some names, of any type, as untyped ones.
//
// A family costs the parser a hundred times its text, and most of a text is buckets of histograms. So it gets the lines
// of the wanted names alone, whose number is bounded, and no line that declares a type.
func parse(from io.Reader, wanted map[string]bool) (map[string]*dto.MetricFamily, error) {
	limited := &io.LimitedReader{R: from, N: MaxBytes + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, maxLine)
	kept, series := bytes.Buffer{}, 0
	for lines.Scan() {
		line := lines.Bytes()
		if !wanted[string(nameOf(line))] {
			continue
		}
		if series++; series > MaxSeries || kept.Len()+len(line) > maxParsed {
			return nil, ErrTooMany
		}
		kept.Write(line)
		kept.WriteByte('\n')
	}
	if limited.N == 0 {
		return nil, ErrTooLong
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, ErrNoText
	case err != nil:
		return nil, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(&kept)
	if err != nil {
		return nil, ErrNoText //nolint:nilerr // the error quotes the text
	}
	return families, nil
}

// nameOf returns the name of the metric of a line; empty for a comment.
func nameOf(line []byte) []byte {
	line = bytes.TrimLeft(line, " \t")
	if end := bytes.IndexAny(line, "{ \t"); end >= 0 {
		return line[:end]
	}
	return nil
}
