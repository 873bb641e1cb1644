package config

// table is a map for few names, that are searched one by one; it has an index as
// soon as there are many. The zero table is empty.
type table[V any] struct {
	list  []named[V]
	index map[string]int
}

type named[V any] struct {
	name  string
	value V
}

func (t *table[V]) place(name string) int {
	if t.index != nil {
		if i, ok := t.index[name]; ok {
			return i
		}
		return -1
	}
	for i := range t.list {
		if t.list[i].name == name {
			return i
		}
	}
	return -1
}

func (t *table[V]) get(name string) (value V, ok bool) {
	if i := t.place(name); i >= 0 {
		return t.list[i].value, true
	}
	return value, false
}

// add gives a name its value, in the place of one that it had.
func (t *table[V]) add(name string, value V) {
	if i := t.place(name); i >= 0 {
		t.list[i].value = value
		return
	}
	t.list = append(t.list, named[V]{name, value})
	switch {
	case t.index != nil:
		t.index[name] = len(t.list) - 1
	case len(t.list) > fewOptions:
		t.index = make(map[string]int, 2*len(t.list))
		for i := range t.list {
			t.index[t.list[i].name] = i
		}
	}
}
