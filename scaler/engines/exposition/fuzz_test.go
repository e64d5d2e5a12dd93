package exposition_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/kedify/inference-gateway/scaler/engines/exposition"
)

// FuzzRead: any text gives amounts or an error.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, "auto")
	}
	f.Add([]byte("vllm:num_requests_waiting{a=\"\\\"\",b=\"\\n\"} 1 2\n"), "vllm")
	f.Fuzz(func(t *testing.T, text []byte, engine string) {
		numbers, err := exposition.Read(bytes.NewReader(text), exposition.Engine(engine))
		if err != nil {
			if numbers.Waiting != nil || numbers.Cache != nil {
				t.Errorf("numbers with an error: %+v, %v", numbers, err)
			}
			return
		}
		if numbers.Waiting == nil && numbers.Cache == nil {
			t.Errorf("neither numbers nor an error: %+v", numbers)
		}
		if w := numbers.Waiting; w != nil && !(*w >= 0 && *w <= exposition.MaxSeries*1e9) {
			t.Errorf("%v requests wait", *w)
		}
		if c := numbers.Cache; c != nil && !(*c >= 0 && *c <= 1) {
			t.Errorf("%v of the cache", *c)
		}
	})
}
