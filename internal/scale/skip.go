package scale

// skip moves past a value without building it. Beyond finding the end it does not check the bytes.
func (r *Registry) skip(rd *Reader, id TypeID) {
	if fixed := r.layouts[id].fixed; fixed >= 0 {
		rd.Take(int(fixed))
		return
	}
	if !rd.enter() {
		return
	}
	defer rd.leave()
	t := &r.types[id]
	switch t.Kind {
	case KindComposite, KindTuple:
		r.skipFields(rd, t.Fields)
	case KindVariant:
		if i := r.readVariant(rd, id, t); i >= 0 {
			r.skipFields(rd, t.Variants[i].Fields)
		}
	case KindSequence:
		r.skipList(rd, t.Elem, rd.Len(r.MinSize(t.Elem)))
	case KindArray:
		if rd.spend(int(min(int64(t.Len), int64(maxSize)))) {
			r.skipList(rd, t.Elem, int(t.Len))
		}
	case KindCompact:
		if width, ok := r.compactOf(t); !ok || width > 0 {
			rd.skipCompacts(1)
		}
	case KindBitSequence:
		r.bitsOf(t).take(rd)
	default: // text
		rd.ByteVec()
	}
}

func (r *Registry) skipFields(rd *Reader, fields []Field) {
	if !rd.spend(len(fields)) {
		return
	}
	for i := range fields {
		if rd.err != nil {
			return
		}
		r.skip(rd, fields[i].Type)
	}
}

// skipList moves past n elements of one type.
func (r *Registry) skipList(rd *Reader, elem TypeID, n int) {
	elem, t := r.inner(elem)
	if fixed := int64(r.layouts[elem].fixed); fixed >= 0 {
		if size := fixed * int64(n); size <= int64(rd.Remaining()) {
			rd.Take(int(size))
		} else {
			rd.fail(ErrShort)
		}
		return
	}
	if t.Kind == KindCompact {
		if width, ok := r.compactOf(t); !ok || width > 0 {
			rd.skipCompacts(n)
		}
		return
	}
	for range n {
		if rd.err != nil {
			return
		}
		r.skip(rd, elem)
	}
}
