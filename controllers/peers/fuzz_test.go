package peers

import (
	"reflect"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"
)

// FuzzEnvelope: what is read of another replica is written as the same.
func FuzzEnvelope(f *testing.F) {
	for _, text := range []string{`{"v":1}`, `{"v":1,"replica":"a","forgotten":[{"Namespace":"a","Name":"b"}]}`, `{"v":2}`,
		`{"v":1,"demand":{}}`, `[`, ``} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		read, err := open(wrapperspb.Bytes(text))
		if err != nil {
			return
		}
		written, err := read.message()
		if err != nil {
			t.Fatal(err)
		}
		first, err := open(written)
		if err != nil {
			t.Fatal(err)
		}
		again, err := first.message()
		if err != nil {
			t.Fatal(err)
		}
		if second, err := open(again); err != nil || !reflect.DeepEqual(first, second) {
			t.Fatalf("%q: %+v, then %+v, %v", text, first, second, err)
		}
	})
}
