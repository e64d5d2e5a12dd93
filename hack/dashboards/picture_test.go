package main

import (
	"bytes"
	"image/png"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
)

// numbered answers every query of every board with one series of a few samples.
func numbered() answers {
	all := answers{}
	for _, b := range boards {
		for _, r := range b.Rows {
			for _, p := range r.Panels {
				for i := range p.Queries {
					all[b.key(p, i)] = model.Matrix{{Metric: model.Metric{"namespace": "shop"}, Values: []model.SamplePair{
						{Timestamp: 1000, Value: 1}, {Timestamp: 3000, Value: 3},
					}}}
				}
			}
		}
	}
	return all
}

// Each board has a picture in docs, of the size that its panels take, and each picture a board.
func TestPicturesOfDocs(t *testing.T) {
	found, err := filepath.Glob("../../docs/pictures/*")
	if err != nil || len(found) != len(boards) {
		t.Fatalf("%v for %d boards: %v", found, len(boards), err)
	}
	for _, b := range boards {
		drawn, err := b.picture(numbered())
		if err != nil {
			t.Fatal(err)
		}
		config, err := png.DecodeConfig(bytes.NewReader(drawn))
		if _, _, height := b.places(); err != nil || config.Height != height*cellHeight+headHeight {
			t.Errorf("%s: %+v %v", b.File, config, err)
		}
	}
}

// A panel without data is an error, not an empty picture.
func TestPictureWithoutData(t *testing.T) {
	without := numbered()
	delete(without, "fleet.json: Memory A")
	if _, err := fleet.picture(without); err == nil || !strings.Contains(err.Error(), "fleet.json: Memory: no data") {
		t.Errorf("%v", err)
	}
}

// Series of several queries share their times, and are called as Grafana calls them.
func TestLines(t *testing.T) {
	p := panel{Title: "p", Queries: []query{{"a", "{{namespace}}/{{name}} x"}, {"b", ""}}}
	b := board{File: "b.json"}
	found, times := answers{
		"b.json: p A": {{Metric: model.Metric{"namespace": "shop", "name": "web"}, Values: []model.SamplePair{{Timestamp: 1, Value: 2}}}},
		"b.json: p B": {{Metric: model.Metric{"v": "1"}, Values: []model.SamplePair{{Timestamp: 3, Value: 4}}}},
	}.lines(b, p)
	if len(times) != 2 || len(found) != 2 || found[0].Name != "shop/web x" || found[1].Name != `v="1"` {
		t.Fatalf("%+v at %v", found, times)
	}
	if first, second := found[0].Values, found[1].Values; first[0] != 2 || first[1] != null || second[0] != null || second[1] != 4 {
		t.Errorf("%v %v", first, second)
	}
}

func TestWritten(t *testing.T) {
	for want, got := range map[string]string{
		"30 days": written(30*86400, second), "1.5 s": written(1.5, second), "20 ms": written(20, "ms"), "3 µs": written(3e-6, second),
		"126 MiB": written(126<<20, "bytes"), "2 KiB/s": written(2048, "Bps"), "12.5/s": written(12.5, "reqps"), "3": written(3, ""),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
