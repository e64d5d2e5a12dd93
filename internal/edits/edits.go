// Package edits says how far a name as it was written is from one that exists.
//
// Job: the distance by which the nearest name is found. Inputs: texts. Outputs: a number.
// PURE: no clients, context, clock, goroutines or logging. Ownership: values.
package edits

// Distance is the number of bytes to insert, delete or replace between two texts (Levenshtein).
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
