//! Parquet and Arrow. The first byte chooses: any bytes, or a small right file with some of its bytes replaced, since
//! random bytes do not come far. A replacement is two bytes that say where and one that says what.
#![no_main]

use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::Int32Type;
use arrow::ipc::writer::{FileWriter, StreamWriter};
use libfuzzer_sys::fuzz_target;
use parquet::arrow::ArrowWriter;
use tenure_exports::{Hints, Input};
use tenure_exports_fuzz::{begin, read};

static FILES: OnceLock<[Vec<u8>; 3]> = OnceLock::new();

fn files() -> [Vec<u8>; 3] {
    let texts = [Some("u1"), None, Some("u1"), Some("Ü2")];
    let codes: DictionaryArray<Int32Type> = texts.into_iter().collect();
    let columns: [(&str, ArrayRef); 4] = [
        ("who", Arc::new(StringArray::from(texts.to_vec()))),
        ("plan", Arc::new(codes)),
        ("sum", Arc::new(Int64Array::from(vec![1, -2, 3, 1 << 40]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![Some(0), Some(1), None, Some(1 << 50)]))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
    let mut parquet = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    parquet.write(&batch).unwrap();
    let mut file = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    file.write(&batch).unwrap();
    let mut stream = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    stream.write(&batch).unwrap();
    [parquet.into_inner().unwrap(), file.into_inner().unwrap(), stream.into_inner().unwrap()]
}

fuzz_target!(init: begin(), |data: &[u8]| {
    let Some((&choice, bytes)) = data.split_first() else { return };
    let file = match usize::from(choice % 4).checked_sub(1) {
        None => bytes.to_vec(),
        Some(place) => {
            let mut file = FILES.get_or_init(files)[place].clone();
            for patch in bytes.chunks_exact(3) {
                let at = usize::from(u16::from_le_bytes([patch[0], patch[1]])) % file.len();
                file[at] = patch[2];
            }
            file
        }
    };
    let _ = read(&file, &Hints::default(), Input::BLOCK_BYTES);
});
