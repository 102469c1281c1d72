//! Bodies that are made to do harm: C-01, C-02, C-03, C-05.

use super::{Serving, ask, describing, identity, words};
use crate::serve::rig::Served;

/// `body` is refused with this status, and nothing else happens.
const REFUSED: &str = r"
def refused(body, content_type, statuses=(400,)):
    status, kind, text = post(body, content_type)
    assert status in statuses and kind == 'application/json', (status, kind, text[:200], body[:200])
    return json.loads(text)['message']
";

/// The script runs against one worker, which must be the same one afterwards.
#[track_caller]
fn attack(served: &Served, script: &str, words: &[&str]) {
    let before = served.workers();
    ask(served, &format!("{REFUSED}{script}"), words);
    assert_eq!(served.ping(), 200);
    assert_eq!(served.workers(), before, "no worker has died of it");
}

/// Bodies whose unpickling or evaluation makes the file that the second argument names.
const PICKLES: &str = r"
import pickle, zipfile
TARGET = sys.argv[2]

class Touch:
    def __reduce__(self):
        return open, (TARGET, 'w')

def npy(array, **how):
    out = io.BytesIO()
    numpy.lib.format.write_array(out, array, **how)
    return out.getvalue()

def with_header(text, data=b''):
    text = text.encode('latin-1').ljust(117) + b'\n'
    return b'\x93NUMPY\x01\x00' + len(text).to_bytes(2, 'little') + text + data

def archive(**entries):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w') as file:
        for name, content in entries.items():
            file.writestr(name + '.npy', content)
    return out.getvalue()

evil = numpy.array([Touch()], object)
large = numpy.array([Touch()] + [None] * 100000, object)
fields = numpy.zeros(1, [('a', 'f8'), ('b', 'O')])
fields[0]['b'] = Touch()
for array in (evil, large, fields):
    for version in ((1, 0), (2, 0), (3, 0)):
        refused(npy(array, version=version), 'application/x-npy')
    refused(archive(arr_0=npy(array)), 'application/x-npz')
    refused(archive(format=npy(numpy.array(b'csr')), data=npy(array)), 'application/x-npz')
raw = pickle.dumps(Touch())
refused(raw, 'application/x-npy')
refused(with_header(repr({'descr': '|O', 'fortran_order': False, 'shape': (1,)}), raw), 'application/x-npy')
refused(with_header(repr({'descr': '<f8', 'fortran_order': False, 'shape': (1,)}), raw[:7]), 'application/x-npy')
for code in ('open(%r, \'w\')' % TARGET, '__import__(\'os\').system(\'touch %s\')' % TARGET):
    for header in ('{\'descr\': %s, \'fortran_order\': False, \'shape\': (1,), }', '{\'descr\': \'<f8\', \'fortran_order\': %s, \'shape\': (1,), }',
                   '{\'descr\': \'<f8\', \'fortran_order\': False, \'shape\': %s, }', '%s'):
        refused(with_header(header % code, bytes(8)), 'application/x-npy')
assert not os.path.exists(TARGET)
# The payload is a real one.
pickle.loads(raw)
assert os.path.exists(TARGET)
";

#[test]
fn c01_nothing_in_a_request_is_ever_unpickled_or_evaluated() {
    let served = identity().ready();
    let target = served.path("touched");
    attack(&served, PICKLES, &[target.to_str().unwrap()]);
}

#[test]
fn c01_nor_where_bodies_are_not_shared_memory() {
    let served = identity().variable("OPTML_SHM_MIN_KB", "0").ready();
    let target = served.path("touched");
    attack(&served, PICKLES, &[target.to_str().unwrap()]);
}

#[test]
fn c01_npy_files_that_lie_are_refused() {
    attack(
        &identity().ready(),
        r"
def npy(shape, descr='<f8', data=b'', fortran=False, version=1):
    header = repr({'descr': descr, 'fortran_order': fortran, 'shape': shape}).encode() + b'\n'
    return b'\x93NUMPY' + bytes([version, 0]) + len(header).to_bytes(2 if version == 1 else 4, 'little') + header + data

def send(body):
    return refused(body, 'application/x-npy')

for shape in ((2**62,), (2**32, 2**32), (2**63, 2), (2**64,), (10**30,), (-1,), (-2, -3), (2,), (1, 2, 0, 2**63, 2**63)):
    if 0 not in shape:
        send(npy(shape, data=bytes(8)))
send(npy((1,), '<f999', bytes(8)))
send(npy((1,), 'nonsense', bytes(8)))
send(npy((1,), '<U1000000000', bytes(8)))
send(npy([1], data=bytes(8)))
send(npy((1,), data=bytes(8), fortran=7))
send(npy((1,), data=bytes(8), version=4))
send(npy((1,), data=bytes(8), version=0))
# A header of 64 KiB and more.
send(npy((1,), '<f8' + ' ' * 70000, bytes(8), version=2))
send(b'\x93NUMPY\x02\x00\xff\xff\xff\xff{')
# Cut at every byte, small and large.
out = io.BytesIO()
numpy.save(out, numpy.arange(4.0).reshape(2, 2))
whole = out.getvalue()
for n in range(len(whole)):
    send(whole[:n])
out = io.BytesIO()
numpy.save(out, numpy.zeros(20000))
for n in (70000, 160127, 127, 128):
    send(out.getvalue()[:n])
# What is behind the elements does not matter.
assert post(whole + b'more', 'application/x-npy') == (200, 'application/json', b'[[0.0, 1.0], [2.0, 3.0]]')
",
        &[],
    );
}

#[test]
fn c01_orders_versions_and_types_of_npy_keep_their_values() {
    attack(
        &identity().ready(),
        r"
from numpy.lib.format import write_array
for n in (3, 300):
    square = numpy.arange(2.0 * n * n).reshape(2, n, n)
    for array in (square, numpy.asfortranarray(square), square.astype('>f8'), square.astype('>i2'), square.astype('<f4'),
                  numpy.asfortranarray(square.astype('>f4')), square.astype('f2'), square.astype('u1'), square > 3):
        for version in ((1, 0), (2, 0), (3, 0)):
            out = io.BytesIO()
            write_array(out, array, version=version)
            status, _, body = post(out.getvalue(), 'application/x-npy', 'application/x-npy')
            assert status == 200, (status, body[:200])
            got = numpy.load(io.BytesIO(body))
            assert got.dtype == array.dtype, (got.dtype, array.dtype)
            assert got.shape == array.shape and (got == array).all()
",
        &[],
    );
}

#[test]
fn c01_archives_that_lie_are_refused() {
    attack(
        &describing().ready(),
        r"
import struct, zipfile

out = io.BytesIO()
numpy.save(out, numpy.arange(3.0))
member = out.getvalue()

def archive(*entries, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', method) as file:
        for name, content in entries:
            file.writestr(name, content)
    return out.getvalue()

def send(body):
    return refused(body, 'application/x-npz')

fine = archive(('a.npy', member))
assert post(fine, 'application/x-npz', 'text/plain')[2] == b'a: float64 (3,) [0.0, 1.0, 2.0]'
for name in ('../a.npy', '/a.npy', 'b/../../a.npy', 'a\\..\\b.npy', '..'):
    send(archive((name, member)))
# 50 MB of zeros in 50 kB.
zeros = b'\x93NUMPY\x01\x00\x76\x00' + repr({'descr': '|u1', 'fortran_order': False, 'shape': (50_000_000,)}).encode().ljust(117) + b'\n'
message = send(archive(('bomb.npy', zeros + bytes(50_000_000)), method=zipfile.ZIP_DEFLATED))
assert 'decompresses to more than' in message, message
# Sizes that are told wrong: the central directory says less than there is.
told = bytearray(archive(('a.npy', member + bytes(100000)), method=zipfile.ZIP_DEFLATED))
at = told.rindex(b'PK\x01\x02')
struct.pack_into('<I', told, at + 24, 10)
send(bytes(told))
send(archive(*(('a%d.npy' % n, member) for n in range(65))))
send(archive(('a.npy', b'not an array')))
send(archive(('a.npy', member[:-1])))
for n in range(0, len(fine), 7):
    send(fine[:n])
send(b'')
send(b'PK\x05\x06' + bytes(17))
damaged = bytearray(archive(('a.npy', member), method=zipfile.ZIP_DEFLATED))
damaged[60] ^= 0xff
send(bytes(damaged))
",
        &[],
    );
}

#[test]
fn c02_json_of_every_odd_kind_has_a_known_end() {
    attack(
        &identity().ready(),
        r#"
def same(body, expected=None):
    status, _, text = post(body)
    assert status == 200, (status, text[:300], body[:100])
    expected = body if expected is None else expected
    assert text == expected, (text[:200], expected[:200])

def send(body):
    return refused(body, 'application/json')

for deep in (b'[' * 1_000_000, b'[' * 1_000_000 + b']' * 1_000_000, b'{"a":' * 500_000, b'[' * 65 + b']' * 65, b'[[' * 5000 + b'1' + b']]' * 5000):
    send(deep)
same(b'[' * 32 + b'1' + b']' * 32)
same(b'[' * 50 + b'1' + b']' * 50)
keys = json.dumps({'k%d' % n: n for n in range(300_000)}).encode()
same(keys)
same(b'{"a": 1, "a": 2}', b'{"a": 2}')
same(b'[NaN, Infinity, -Infinity]')
same(b'[1e400, -1e400, -0, -0.0, 1e-400]', b'[Infinity, -Infinity, 0.0, -0.0, 0.0]')
same(b'["\\ud800", "\\ud83d\\ude00"]')
same(json.dumps('x' * 8_000_000).encode())
same(b' \t\r\n[1]\n ', b'[1]')
same(b'[0.' + b'1' * 1_000_000 + b']', b'[0.1111111111111111]')
for malformed in (b'\xef\xbb\xbf[1]', '[1]'.encode('utf-16'), '[1]'.encode('utf-16le'), b'[1] x', b'[1][2]', b'[1,]', b'[,1]', b'{"a" 1}', b"['a']",
                  b'[01]', b'[+1]', b'[.5]', b'[1.]', b'[0x10]', b'[1e]', b'nan', b'["\t"]', b'["\\x"]', b'["', b'[1\x00]', b'\x00', b'[\xff]',
                  b'["\xed\xa0\x80"]', b'//', b'[1 2]', b'tru', b'-', b'[-]', b'1' * 10_000, b'[' + b'9' * 1_000_000 + b']'):
    message = send(malformed)
    assert 'line 1' in message or 'UTF-8' in message, message
"#,
        &[],
    );
}

#[test]
fn c03_csv_of_every_odd_kind_has_a_known_end() {
    attack(
        &identity().ready(),
        r#"
def same(body, expected):
    status, _, text = post(body, 'text/csv')
    assert (status, text) == (200, expected), (status, text[:300], body[:100])

def send(body):
    return refused(body, 'text/csv')

for body, line in ((b'"a', 1), (b'1,2\n"3,4\n5', 2), (b'"a"b,1', 1), (b'1,2\n3', 2), (b'1\n2,3', 2), (b'1\r2', 1), (b'1,2\n\n3,4,5\n', 3), (b'"a\nb"\n1,2', 3)):
    message = send(body)
    assert 'line %d' % line in message, (body, message)
send(b'\xff,1')
same(b'1,2\r\n3,4\n5,6\r\n', b'[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]')
same(b'a\x00b,1', b'["a\\u0000b", "1"]')
same(b'1,5;2,5', b'["1", "5;2", "5"]')
same(b'', b'[]')
same(b'\n\r\n\n', b'[]')
same(b'a,b', b'["a", "b"]')
same(b'=1+1,@x', b'["=1+1", "@x"]')
same(b'1,', b'[1.0, NaN]')
same(b',', b'[NaN, NaN]')
same(b'""', b'NaN')
same(b' ', b'" "')
same('\u0661,2'.encode(), b'[1.0, 2.0]')
wide = ','.join(str(n) for n in range(1_000_000)).encode()
status, _, text = post(wide, 'text/csv', 'application/x-npy')
assert status == 200 and (numpy.load(io.BytesIO(text)) == numpy.arange(1e6)).all()
status, _, text = post(b'x,' * 1_000_000, 'text/csv')
assert status == 200 and len(json.loads(text)) == 1_000_001
"#,
        &[],
    );
}

#[test]
fn c05_a_broken_record_is_named() {
    attack(
        &describing().ready(),
        r"
import struct
RECORDIO = 'application/x-recordio-protobuf'
record = bytes.fromhex('0a23d7ce180000000a160a0676616c756573120c120a0a080000803f00000040')
narrow = bytes.fromhex('0a23d7ce140000000a120a0676616c75657312081206') + b'\x0a\x04' + struct.pack('<f', 1)
assert post(record, RECORDIO, 'text/plain')[2] == b'float32 (1, 2) [[1.0, 2.0]]'

def send(body, number):
    message = refused(body, RECORDIO)
    assert 'record %d' % number in message, message

send(b'\x0b' + record[1:], 1)
send(record + b'\x0b' + record[1:], 2)
send(record * 2 + record[:5], 3)
for n in range(1, len(record)):
    send(record[:n], 1)
send(record[:4] + struct.pack('<I', 0x1fffffff) + record[8:], 1)
send(record[:4] + struct.pack('<I', 0xffffffff) + record[8:], 1)
# Lengths inside of the record that lead out of it.
for at in (9, 11, 19, 21, 23):
    lying = bytearray(record)
    lying[at] = 0x7f
    send(bytes(lying), 1)
    lying[at] = 0xff
    send(bytes(lying), 1)
# A field whose number is cut, and one whose number has no end.
send(record[:8] + b'\x80' * 24, 1)
",
        &[],
    );
}

#[test]
fn c02_a_body_above_the_limit_is_refused_before_it_is_read() {
    let served = Serving::functions(
        "def model_fn(model_dir):
    pass

def predict_fn(data, model):
    return 'unreachable'
",
    )
    .variable("OPTML_MAX_BODY_MB", "1")
    .ready();
    let mut client = served.client();
    client.send(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 209715200\r\n\r\n");
    let response = client.response("POST");
    assert_eq!(response.status, 413);
    for number in ["209715200", "1048576"] {
        assert!(response.text().contains(number), "{}", response.text());
    }
    assert_eq!(
        words(&served, "application/json", &vec![b' '; (1 << 20) + 1])[..3],
        *"413"
    );
}
