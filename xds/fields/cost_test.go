package fields

import "testing"

// BenchmarkReadRoute is what each table of a hostname pays for fields.
func BenchmarkReadRoute(b *testing.B) {
	text, err := RouteText([]byte(`{"idle_timeout":"3600s","retry_policy":{"retry_on":"5xx","num_retries":5,` +
		`"retry_back_off":{"base_interval":"1s","max_interval":"10s"}}}`))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := ReadRoute(text); err != nil {
			b.Fatal(err)
		}
	}
}
