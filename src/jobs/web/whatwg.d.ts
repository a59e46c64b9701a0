// The parts that are used here of packages without declarations of their own.

declare module 'html-encoding-sniffer' {
  export default function sniff(
    bytes: Uint8Array,
    options: { xml: boolean; transportLayerEncodingLabel?: string; defaultEncoding: string },
  ): string
}

declare module 'whatwg-mimetype' {
  export class MIMEType {
    static parse(header: string): MIMEType | null
    readonly essence: string
    readonly parameters: { get(name: string): string | undefined }
  }
}

declare module 'whatwg-url' {
  export interface UrlRecord {
    readonly scheme: string
  }
  export function parseURL(input: string, options?: { baseURL?: UrlRecord | null; encoding?: string }): UrlRecord | null
  export function serializeURL(url: UrlRecord, excludeFragment?: boolean): string
}
