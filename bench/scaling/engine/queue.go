package engine

// fifo is jobs in the order in which they came.
type fifo struct {
	jobs []*Job
	head int
}

func (q *fifo) len() int    { return len(q.jobs) - q.head }
func (q *fifo) first() *Job { return q.jobs[q.head] }
func (q *fifo) push(j *Job) { q.jobs = append(q.jobs, j) }

func (q *fifo) pop() *Job {
	j := q.jobs[q.head]
	q.jobs[q.head] = nil
	if q.head++; q.head == len(q.jobs) {
		q.jobs, q.head = q.jobs[:0], 0
	}
	return j
}

// answer is a job and the step that makes its last token.
type answer struct {
	job  *Job
	last int64
}

// answers is a heap: the first is the one that ends first.
type answers []answer

func (h *answers) push(a answer) {
	s := append(*h, a)
	i := len(s) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if s[parent].last <= s[i].last {
			break
		}
		s[parent], s[i] = s[i], s[parent]
		i = parent
	}
	*h = s
}

func (h *answers) pop() answer {
	s := *h
	first := s[0]
	last := len(s) - 1
	s[0], s[last] = s[last], answer{}
	s = s[:last]
	for i := 0; ; {
		least := 2*i + 1
		if least >= len(s) {
			break
		}
		if right := least + 1; right < len(s) && s[right].last < s[least].last {
			least = right
		}
		if s[i].last <= s[least].last {
			break
		}
		s[i], s[least] = s[least], s[i]
		i = least
	}
	*h = s
	return first
}
